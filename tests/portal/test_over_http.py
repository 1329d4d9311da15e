"""The pages as a browser's requests: who gets in, what is refused, what another signer hands in."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from services.demo.http import until
from tests.portal.conftest import Place

NONCE = re.compile(r"script-src 'nonce-([\w-]{20,})'")


def test_a_stranger_is_led_to_the_log_in_and_back_to_where_they_wanted(place: Place) -> None:
    with place.browser_of() as browser:
        answer = browser.get("/suppliers?q=x")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fsuppliers%3Fq%3Dx"
        shown = browser.get("/login?next=//there.example/")
        assert 'name="next" value="/"' in shown.text


def test_every_answer_carries_the_policy_and_a_nonce_of_its_own(place: Place) -> None:
    with place.browser_of() as browser:
        nonces = set()
        for path in ("/login", "/login", "/about", "/no-such-page"):
            answer = browser.get(path)
            found = NONCE.search(answer.headers["content-security-policy"])
            assert found is not None
            assert f'nonce="{found[1]}"' in answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            nonces.add(found[1])
        assert len(nonces) == 4
        style = browser.get("/static/site.css")
        assert style.headers["content-security-policy"] == "default-src 'none'"
        assert browser.get("/static/vendor/vendor.json").status_code == 404
        assert browser.get("/static/../app.py").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://there.example"}, {"Origin": ""}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_form_of_another_site_changes_nothing(place: Place, headers: dict[str, str]) -> None:
    with place.browser_of("mihon-jidosha") as browser:
        answer = browser.post("/members", data={"name": "x"}, headers=headers)
        assert answer.status_code == 403
        assert "another site" in answer.text
        assert browser.get("/members").status_code == 200


def test_an_unknown_invitation_and_one_cut_off_look_the_same(place: Place) -> None:
    with place.browser_of() as browser:
        gone = browser.get("/invitations/unknown")
        assert gone.status_code == 404
        assert "このリンクはお使いいただけません" in gone.text


def test_looking_at_an_invitation_changes_nothing_and_a_wrong_code_says_so(place: Place) -> None:
    with place.browser_of() as browser:
        link, code = place.invite("架空試験株式会社", "first@kakuu-shiken.example")
        path = f"/invitations/{link.rpartition('/')[2]}"
        first, second = browser.get(path), browser.get(path)
        assert "架空試験株式会社" in first.text
        assert len(first.text) == len(second.text)
        given = {"code": "0000 0000", "name": "T", "country": "TH"}
        refused = browser.post(f"{path}/accept", data=given)
        assert refused.status_code == 422
        assert "確認コードが違います" in refused.text
        assert 'value="T"' in refused.text, "what was typed is still there"
        assert "set-cookie" not in refused.headers
        entered = browser.post(f"{path}/accept", data=given | {"code": code})
        assert entered.headers["location"] == "/welcome"
        assert browser.get("/members").status_code == 200


def test_a_log_in_tells_nobody_whether_a_mailbox_is_registered(place: Place) -> None:
    with place.browser_of() as browser:
        known = browser.post("/login", data={"mailbox": "ai-survey@mihon-jidosha.example"})
        unknown = browser.post("/login", data={"mailbox": "ai-survey@nobody-here12.example"})
        assert known.status_code == unknown.status_code == 200
        assert len(known.text) == len(unknown.text)
        code = place.code_for("ai-survey@mihon-jidosha.example")
        given = {"mailbox": "ai-survey@mihon-jidosha.example", "code": code, "next": "/risk"}
        answer = browser.post("/login/code", data=given)
        assert answer.headers["location"] == "/risk"
        assert "HttpOnly" in answer.headers["set-cookie"]
        out = browser.post("/logout")
        assert out.headers["location"] == "/login"
        assert browser.get("/members").headers["location"].startswith("/login")
    # A log-out ends every token of the member; the story's own holder gets new ones.
    place.story.requester.api._tokens.clear()


def test_anothers_request_looks_like_none_at_all(place: Place) -> None:
    with place.browser_of("tuayang-parts") as browser:
        theirs = browser.get(f"/requests/{place.asked('kakuu-seiki')['id']}")
        none = browser.get("/requests/00000000-0000-4000-8000-000000000000")
        assert theirs.status_code == none.status_code == 404
        assert browser.get("/requests/not-an-id").status_code in (404, 422)


def test_the_requester_who_opens_its_own_request_gets_the_review(place: Place) -> None:
    with place.browser_of("mihon-jidosha") as browser:
        id_ = place.asked("kakuu-seiki")["id"]
        answer = browser.get(f"/requests/{id_}")
        assert answer.headers["location"] == f"/reviews/{id_}"


def test_a_supplier_file_is_shown_as_a_table_of_errors_before_anything_is_kept(
    place: Place,
) -> None:
    rows = "取引先コード,会社名,国,担当者,メール,言語\r\nN1,新規工業,JP,担当,n1@new.example,ja\r\n"
    content = f"{rows}N2,,JP,担当,no-mailbox,ja\r\n".encode("cp932")
    with place.browser_of("mihon-jidosha") as browser:
        shown = browser.post("/suppliers/import", files={"file": ("s.csv", content, "text/csv")})
        assert "修正が必要な行" in shown.text
        assert "メールアドレスの書式が正しくありません" in shown.text
        assert "N1" not in browser.get("/suppliers?q=N1").text.partition("<tbody>")[2]
        found = re.search(r'name="import_id" value="([^"]+)"', shown.text)
        assert found is not None
        done = browser.post("/suppliers/import/confirm", data={"import_id": found[1]})
        assert "1社を取り込みました" in done.text
        assert "新規工業" in browser.get("/suppliers?q=N1").text


def test_the_command_line_signs_what_the_page_hands_out(place: Place, tmp_path: Path) -> None:
    with place.browser_of("kasou-software") as browser:
        id_ = place.asked("kasou-software", "starter")["id"]
        begun = browser.post(f"/requests/{id_}/begin", data={"tick": "checking"})
        assert begun.status_code == 303
        party = place.story.parties["kasou-software"]
        given = {"key_id": party.key.public.key_id, "role": "responsible-officer"}
        answer = browser.post(f"/sign/{id_}/files", data=given)
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            archive.extractall(tmp_path)
        key = tmp_path / "key.pem"
        key.write_bytes(party.key.to_pem())
        signed = []
        for path in sorted(tmp_path.glob("[0-9]*.json")):
            out = path.with_suffix(".sigstore.json")
            command = [sys.executable, "-m", "rensho.cli", "sign", str(path)]
            subprocess.run([*command, "--key", str(key), "--out", str(out)], check=True)
            signed.append(("files", (out.name, out.read_bytes(), "application/json")))
        beside = (tmp_path / "submission.json").read_bytes()
        alone = browser.post(f"/sign/{id_}/bundles", files=signed)
        assert alone.status_code == 422
        assert "submission.json と、署名済みのファイル" in alone.text
        everything = [*signed, ("files", ("submission.json", beside, "application/json"))]
        done = browser.post(f"/sign/{id_}/bundles", files=everything)
        assert done.headers["location"] == f"/requests/{id_}/receipt"

        def receipt() -> str | None:
            shown = browser.get(f"/requests/{id_}/receipt").text
            return shown if "検証の結果" in shown else None

        shown = until(receipt, "the receipt", 30)
        # The officer's part holds once the comparison of the fingerprint is in the log.
        assert shown.count("確認できました") == 6 or "key.pending" in shown or "「責任者」" in shown


def test_a_changed_document_beside_the_bundles_is_refused_with_its_code(place: Place) -> None:
    with place.browser_of("reiji-denso") as browser:
        id_ = place.asked("reiji-denso", "starter")["id"]
        browser.post(f"/requests/{id_}/begin", data={"tick": "none"})
        party = place.story.parties["reiji-denso"]
        given = {"key_id": party.key.public.key_id, "role": "responsible-officer"}
        answer = browser.post(f"/sign/{id_}/files", data=given)
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            beside = json.loads(archive.read("submission.json"))
        bundles = [party.sign(payload) for payload in beside["payloads"]]
        name = next(n for n in beside["documents"] if n.endswith(".declaration.json"))
        beside["documents"][name] = "e30="
        files = [
            ("files", (f"{n}.json", json.dumps(each).encode(), "application/json"))
            for n, each in enumerate([*bundles, beside])
        ]
        refused = browser.post(f"/sign/{id_}/bundles", files=files)
        assert refused.status_code == 422
        assert "declaration.digest" in refused.text or "digest" in refused.text


def test_the_mail_viewer_shows_mails_and_makes_our_links_links(place: Place) -> None:
    with place.browser_of() as browser:
        shown = browser.get("/mails")
        found = re.search(r'href="(/mails/[0-9a-f-]{36})"', shown.text)
        assert found is not None
        assert browser.get(found[1]).status_code == 200
        assert browser.get("/mails/../../etc/passwd").status_code == 404
        assert browser.get("/mails/00000000-0000-4000-8000-000000000000").status_code == 404


def test_the_language_is_kept_and_an_unknown_one_is_not(place: Place) -> None:
    with place.browser_of() as browser:
        assert '<html lang="ja">' in browser.get("/login").text
        assert '<html lang="vi">' in browser.get("/login?lang=vi").text
        assert '<html lang="vi">' in browser.get("/login").text
        answer = browser.get("/login?lang=xx")
        assert "set-cookie" not in answer.headers
