"""Signatures against vectors that others published."""

from __future__ import annotations

import pytest

from psp.ogone.sandbox.signing import SHA_OUT_FIELDS, is_signed, sign, sign_feedback

# Ogone e-Commerce advanced guide, pages 45 to 47, as kept in marlon-be/marlon-ogone.
_GUIDE = "Mysecretsig1875!?"
_FORM = {
    "AMOUNT": "1500",
    "CURRENCY": "EUR",
    "LANGUAGE": "en_US",
    "ORDERID": "1234",
    "PSPID": "MyPSPID",
}
_FEEDBACK = {
    "ACCEPTANCE": "1234",
    "amount": "15",
    "BRAND": "VISA",
    "CARDNO": "XXXXXXXXXXXX1111",
    "currency": "EUR",
    "NCERROR": "0",
    "orderID": "12",
    "PAYID": "32100123",
    "PM": "CreditCard",
    "STATUS": "9",
}
# PostFinance DirectLink guide, page 12.
_DIRECT = {
    "AMOUNT": "1500",
    "CARDNO": "4111111111111111",
    "CURRENCY": "EUR",
    "OPERATION": "RES",
    "ORDERID": "1234",
    "PSPID": "MyPSPID",
}
# alphagov/pay-connector, src/test/resources/templates/epdq.
_PAY_CONNECTOR = {"PSPID": "merchant-id", "PSWD": "password", "USERID": "username"}
# evaletolab/node-postfinance, its tests.
_UTF8 = {
    "ALIAS": "1987839941297952",
    "ALIASUSAGE": "Karibou payment",
    "AMOUNT": "100",
    "BGCOLOR": "#F2F4F2",
    "CN": "oliviêr evalet",
    "CURRENCY": "CHF",
    "EMAIL": "evaleto@gmail.com",
    "OPERATION": "RES",
    "ORDERID": "AS1422978421570",
    "OWNERZIP": "1208",
    "PM": "postfinance card",
    "PSPID": "TEMPkaribou",
    "TITLE": "Enregistrement de votre carte chez Postfinance",
    "TP": "http://localhost:4000/v1/psp/std",
}


@pytest.mark.parametrize(
    "parameters, passphrase, algorithm, digest",
    [
        (_FORM, _GUIDE, "sha1", "F4CC376CD7A834D997B91598FA747825A238BE0A"),
        (
            _FORM,
            _GUIDE,
            "sha256",
            "E019359BAA3456AE5A986B6AABD22CF1B3E09438739E97F17A7F61DF5A11B30F",
        ),
        (
            _FORM,
            _GUIDE,
            "sha512",
            (
                "D1CFE8833A297D0922E908B2B44934B09EE966EF1584DC0D696304E07BB58BA7"
                "1973C2383C831D878D8A243BB7D7DFFFBE53CEE21955CDFEF44FE82E551F859D"
            ),
        ),
        (_DIRECT, _GUIDE, "sha1", "2B459D4D3AF0C678695AE77EE5BF0C83CA6F0AD8"),
        (
            _UTF8,
            "1testpostfinance",
            "sha256",
            "24AD4DBE42F8AA52D4DC12B0A8AF7D03E761CD10951A63FAA8578D2A397ED692",
        ),
        (
            {**_PAY_CONNECTOR, "OPERATION": "SAS", "PAYID": "payId"},
            "sha-passphrase",
            "sha512",
            (
                "BD85DF99ECDBFB5F16DAF676A7D4471CC02A1447F948C781B982634C56D1BB93"
                "602881712D06FE292D353E4C9EABA717BF2799B6504CA3549BE3F634C2563DD6"
            ),
        ),
        (
            {**_PAY_CONNECTOR, "OPERATION": "RFD", "PAYID": "payId", "AMOUNT": "400"},
            "sha-passphrase",
            "sha512",
            (
                "E43114C5930ED6AFA556725C35A1098BC7AE37B336E03492A0AE6894EE3BD31A"
                "AF3CBE81E21350D0B2BF89D1853734706A815DA52B972F81F322BA8CA13F0BE3"
            ),
        ),
    ],
)
def test_what_is_sent_is_signed_as_published(
    parameters: dict[str, str], passphrase: str, algorithm: str, digest: str
) -> None:
    """Every published SHA-IN vector comes out."""
    assert sign(parameters, passphrase, algorithm) == digest
    assert is_signed({**parameters, "SHASIGN": digest.lower()}, passphrase, algorithm)


@pytest.mark.parametrize(
    "parameters, passphrase, algorithm, digest",
    [
        (_FEEDBACK, _GUIDE, "sha1", "209113288F93A9AB8E474EA78D899AFDBB874355"),
        # marlon-be/marlon-ogone, AllParametersShaComposerTest: an unknown name is left out.
        (
            {**_FEEDBACK, "CARDNO": "xxxxxxxxxxxx1111", "unknownparam": "some value"},
            _GUIDE,
            "sha1",
            "B209960D5703DD1047F95A0F97655FFE5AC8BD52",
        ),
        # open-formulieren/open-forms, its Ogone tests.
        (
            {"orderID": "202100031", "STATUS": "9", "PAYID": "3138700369", "NCERROR": "0"},
            "q8B4Pms_MJEUlRo_Icu&",
            "sha512",
            (
                "F21EC101D04FD8F43662F4C5BE87F5E3E1B08293B15D61DC9E779392F4D411B4"
                "0471311BAF53B8C656E1FD4C770999C40B512D35CBDA46BE30C0B91BFB9F272B"
            ),
        ),
    ],
)
def test_what_is_told_is_signed_as_published(
    parameters: dict[str, str], passphrase: str, algorithm: str, digest: str
) -> None:
    """Every published SHA-OUT vector comes out, and extra parameters change nothing."""
    assert sign_feedback(parameters, passphrase, algorithm) == digest


def test_a_changed_value_or_another_encoding_is_noticed() -> None:
    """One digit, one accent in another encoding, a missing signature."""
    signed = {**_UTF8, "SHASIGN": sign(_UTF8, "p", "sha256")}

    assert is_signed(signed, "p", "sha256")
    assert not is_signed({**signed, "AMOUNT": "101"}, "p", "sha256")
    assert not is_signed(signed, "p", "sha256", "iso-8859-1")
    assert not is_signed(_UTF8, "p", "sha256")


def test_an_empty_value_is_not_signed() -> None:
    """A field without a value is as if it were not there."""
    assert sign({**_FORM, "COM": ""}, _GUIDE, "sha1") == sign(_FORM, _GUIDE, "sha1")


def test_the_signed_fields() -> None:
    """The list has the fields of the guide, upper case."""
    assert len(SHA_OUT_FIELDS) == 63
    assert {name.upper() for name in _FEEDBACK} <= SHA_OUT_FIELDS
    assert not {"PARAMPLUS", "SHASIGN"} & SHA_OUT_FIELDS
