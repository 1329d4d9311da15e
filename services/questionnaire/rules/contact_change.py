"""May whoever holds a link name another contact? Within the firm's own mail domain, yes."""

from __future__ import annotations

from typing import Final, Literal

Worth = Literal["changed", "asked"]

SHARED_DOMAINS: Final = frozenset(
    {
        *(
            "gmail.com",
            "googlemail.com",
            "outlook.com",
            "outlook.jp",
            "hotmail.com",
            "hotmail.co.jp",
        ),
        *("live.jp", "yahoo.com", "yahoo.co.jp", "ymail.ne.jp", "icloud.com", "me.com", "aol.com"),
        *("docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "nifty.com"),
        *("biglobe.ne.jp", "so-net.ne.jp", "ocn.ne.jp", "plala.or.jp", "qq.com", "163.com"),
        *("126.com", "foxmail.com", "proton.me", "protonmail.com", "gmx.de", "gmx.net", "web.de"),
        *("naver.com", "hanmail.net", "mail.ru", "yandex.ru", "zoho.com"),
    }
)
"""Where anybody gets a mailbox: the same domain says nothing of the same firm."""


def worth(invited: str, named: str) -> Worth:
    """Say what naming another mailbox does at once: `changed`, or `asked` of the inviter.

    A link may be forwarded to anybody, so it alone proves no more than that its first reader let
    it go; a mailbox under the firm's own domain proves that the firm gave it out.
    """
    domain = _domain(named)
    same = domain == _domain(invited) and domain not in SHARED_DOMAINS
    return "changed" if same else "asked"


def _domain(mailbox: str) -> str:
    return mailbox.rpartition("@")[2].strip().lower()
