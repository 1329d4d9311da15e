"""Webhooks as rules: attempts over days, secrets that overlap, addresses nothing is sent to."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.rules import hooks
from services.risk.rules.hooks import UrlRefused, check_url, is_refused

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ONE = UUID(int=1)


def test_attempts_are_spread_over_more_than_three_days_and_end() -> None:
    moments, at, attempts = [NOW], NOW, 1
    while (later := hooks.next_attempt(attempts, at)) is not None:
        moments.append(later)
        at, attempts = later, attempts + 1
    gaps = [after - before for before, after in pairwise(moments)]
    assert len(moments) == 10
    assert gaps == sorted(gaps)
    assert gaps[0] == timedelta(seconds=5)
    assert timedelta(days=3) < moments[-1] - NOW < hooks.GIVE_UP


def test_an_endpoint_is_disabled_after_five_days_of_failing() -> None:
    assert not hooks.to_disable(NOW, NOW + timedelta(days=4, hours=23))
    assert hooks.to_disable(NOW, NOW + timedelta(days=5))


def test_the_old_secret_signs_until_the_overlap_is_over() -> None:
    until = NOW + timedelta(hours=1)
    both = list(hooks.secrets_in_use(b"m" * 32, ONE, 2, until, NOW))
    assert both == [hooks.secret(b"m" * 32, ONE, 2), hooks.secret(b"m" * 32, ONE, 1)]
    assert list(hooks.secrets_in_use(b"m" * 32, ONE, 2, until, until)) == both[:1]
    assert list(hooks.secrets_in_use(b"m" * 32, ONE, 1, None, NOW)) == both[1:]
    assert (
        len({*both, hooks.secret(b"m" * 32, UUID(int=2), 1), hooks.secret(b"n" * 32, ONE, 1)}) == 4
    )


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0"),
        *(
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ),
        *("::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::"),
        *("64:ff9b:1::a00:1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1"),
    ],
)
@pytest.mark.parametrize("production", [True, False])
def test_nothing_is_sent_into_private_networks(address: str, production: bool) -> None:
    assert is_refused(ipaddress.ip_address(address), production=production)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_for_demos_alone(address: str) -> None:
    assert is_refused(ipaddress.ip_address(address), production=True)
    assert not is_refused(ipaddress.ip_address(address), production=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_sent_to(address: str) -> None:
    assert not is_refused(ipaddress.ip_address(address), production=True)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_judged_as_itself(inner: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{inner}")
    assert is_refused(mapped, production=True) == is_refused(inner, production=True)


@pytest.mark.parametrize(
    "url",
    [
        *("http://erp.example/hook", "ftp://erp.example/", "javascript:alert(1)", "//erp.example"),
        *("https://", "https://user:secret@erp.example/", "https://erp.example/#x", "erp.example"),
        *("https://erp.example:99999/", "https://erp.example:0/", "https://[::1]/", "https://[x/"),
        *("https://10.0.0.1/", "https://169.254.169.254/latest/", "https://127.0.0.1:8040/"),
        *("https://erp.example/a b", "https://erp.exa\nmple/", "https://例え.example/"),
    ],
)
def test_an_address_that_can_never_be_sent_to_is_refused_in_production(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url, production=True)


def test_a_demo_may_send_to_its_own_machine_without_tls() -> None:
    check_url("http://127.0.0.1:9000/hook", production=False)
    check_url("https://erp.example:8443/hook?x=1", production=True)
    with pytest.raises(UrlRefused):
        check_url("http://10.0.0.1/hook", production=False)
