"""The named firms of the demo, each there to show one thing. All of them are fictional."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Dependency = Literal["negligible", "minor", "moderate", "major", "critical"]
Visibility = Literal["named", "masked"]
Kind = Literal["vision", "prediction", "assistant", "robot"]
Manner = Literal["diligent", "average", "behind", "no-ai", "silent"]


@dataclass(frozen=True)
class Supply:
    """One supplier of a firm: who, how much the firm depends on it, and who may see its name."""

    supplier: str
    dependency: Dependency = "moderate"
    visibility: Visibility = "named"
    pass_through: bool = False


@dataclass(frozen=True)
class Firm:
    """One fictional firm and how it behaves in the story."""

    slug: str
    name: str
    country: str
    contact: str
    manner: Manner = "average"
    algorithm: Literal["ecdsa-p256", "ed25519"] = "ecdsa-p256"
    kind: Kind = "prediction"
    components: int = 1
    ml_bom: bool = False
    key_confirmed: bool = True
    supplies: tuple[Supply, ...] = ()
    undisclosed: tuple[Dependency, ...] = ()
    list_open: bool = True
    reviewed: bool = False

    @property
    def mailbox(self) -> str:
        """Where mails to the firm go; `.example` reaches nobody."""
        return f"ai-survey@{self.slug}.example"

    @property
    def language(self) -> str:
        """The language the firm is written to in."""
        return "ja" if self.country == "JP" else "en"

    def with_supplies(self, *more: Supply) -> Firm:
        """Return the firm with more suppliers."""
        return replace(self, supplies=self.supplies + more)


REQUESTER = Firm(
    "mihon-jidosha",
    "見本自動車工業株式会社",
    "JP",
    "調達部 架空 花子",
    manner="diligent",
)

# Tier 1. The file of suppliers names them in this order.
TIER_1 = (
    Firm(
        "kakuu-seiki",
        "架空精機株式会社",
        "JP",
        "品質保証部 例示 太郎",
        "diligent",
        kind="vision",
        components=2,
        ml_bom=True,
        reviewed=True,
        supplies=(
            Supply("beispiel-sensorik", "major"),
            Supply("shili-moxing", "moderate", "masked"),
        ),
    ),
    Firm(
        "reiji-denso",
        "例示電装株式会社",
        "JP",
        "品質管理課 見本 次郎",
        "average",
        algorithm="ed25519",
        kind="prediction",
        supplies=(
            Supply("beispiel-sensorik", "moderate"),
            Supply("kasou-software", "major"),
        ),
    ),
    Firm(
        "kasou-shoji",
        "仮想商事株式会社",
        "JP",
        "営業部 仮名 三郎",
        "no-ai",
        supplies=(Supply("vidu-camera", "critical"),),
    ),
    Firm(
        "muster-robotik",
        "Muster Robotik GmbH",
        "DE",
        "Erika Beispiel",
        "diligent",
        kind="robot",
        supplies=(Supply("esempio-visione", "major"),),
        undisclosed=("minor",),
    ),
    Firm(
        "tuayang-parts",
        "Tua Yang Parts Co., Ltd.",
        "TH",
        "Somying Tuayang",
        "behind",
        kind="vision",
        key_confirmed=False,
        list_open=False,
        supplies=(Supply("vidu-camera", "moderate"),),
    ),
    Firm("mugon-kako", "無言加工株式会社", "JP", "ご担当者", "silent"),
    Firm("tegami-kogyo", "手紙鋼業株式会社", "JP", "総務部 架空 四郎", "no-ai"),
    Firm(
        "kasou-software",
        "仮想ソフトウェア株式会社",
        "JP",
        "開発部 例示 五郎",
        "average",
        kind="assistant",
        components=2,
        supplies=(Supply("sample-foundation", "critical"),),
    ),
)

# Tier 2 and deeper. `kasou-software` above is also a supplier of `reiji-denso`: one firm, two
# tiers. `esempio-visione` and `rei-kenkyujo` supply each other: a cycle.
TIER_2 = (
    Firm(
        "beispiel-sensorik",
        "Beispiel Sensorik AG",
        "DE",
        "Max Beispiel",
        "diligent",
        kind="vision",
        supplies=(Supply("sample-foundation", "major"),),
    ),
    Firm(
        "shili-moxing",
        "示例模型科技有限公司",
        "CN",
        "示例 联系人",
        "average",
        algorithm="ed25519",
        kind="prediction",
    ),
    Firm(
        "vidu-camera",
        "Ví Dụ Camera JSC",
        "VN",
        "Nguyễn Ví Dụ",
        "average",
        kind="vision",
        supplies=(Supply("contoh-label", "minor"),),
    ),
    Firm(
        "esempio-visione",
        "Esempio Visione S.r.l.",
        "IT",
        "Maria Esempio",
        "average",
        kind="vision",
        supplies=(Supply("rei-kenkyujo", "moderate"),),
    ),
)

TIER_3 = (
    Firm(
        "sample-foundation",
        "Sample Foundation Models, Inc.",
        "US",
        "Pat Sample",
        "behind",
        kind="assistant",
    ),
    Firm("contoh-label", "PT Contoh Label", "ID", "Budi Contoh", "average"),
    Firm(
        "rei-kenkyujo",
        "株式会社例研究所",
        "JP",
        "技術部 仮名 六郎",
        "diligent",
        kind="robot",
        supplies=(Supply("esempio-visione", "minor"),),
    ),
)

# Of the requester's own links: handled by a trading house that only passes goods on.
PASSED_THROUGH = "kasou-shoji"
SHARED = "beispiel-sensorik"
TWO_TIERS = "kasou-software"
