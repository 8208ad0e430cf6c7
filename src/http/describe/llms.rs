//! `/llms.txt`: prices, headers, a snippet per client, and what to do after each error.

use std::fmt::Write as _;

use super::{
    operation::{notes, summary},
    prices::Prices,
    subject::Subject,
};
use crate::upstream::profile::{Codes, Condition, Route};

/// Each error that concerns a payer, what it means, and the only thing that helps.
const ERRORS: [(Condition, &str, &str); 9] = [
    (Condition::PaymentRequired, "no payment yet", "pay_again: pay what the challenge asks"),
    (
        Condition::X402Invalid,
        "invalid x402 proof; see field, expected and got",
        "pay_again: sign a new one",
    ),
    (
        Condition::MppInvalid,
        "invalid or declined card payment",
        "pay_again: a new payment token for the fresh challenge",
    ),
    (Condition::PurchaseFailed, "charged; the credits will be added", "resend_same_proof"),
    (
        Condition::UnknownSettlement,
        "the outcome is not known yet",
        "resend_same_proof after Retry-After; a new proof would pay twice",
    ),
    (Condition::Conflict, "the proof or key was already used with a different request", "never"),
    (Condition::Unauthenticated, "missing or unknown credentials", "fix_request"),
    (Condition::Validation, "invalid request; nothing was charged", "fix_request"),
    (Condition::RateLimited, "too many requests", "wait for Retry-After"),
];

/// The text.
pub(super) fn text(subject: &Subject<'_>, codes: &Codes) -> String {
    let mut text = String::new();
    head(&mut text, subject);
    prices(&mut text, subject);
    headers(&mut text, subject);
    clients(&mut text, subject);
    errors(&mut text, codes);
    text
}

/// Writing to a text cannot fail.
macro_rules! line {
    ($text:expr, $($part:tt)*) => {{
        let _ = writeln!($text, $($part)*);
    }};
}

fn head(text: &mut String, subject: &Subject<'_>) {
    let url = subject.public_url;
    line!(text, "# {}\n", subject.service);
    line!(
        text,
        "> Agents pay for a call inside the HTTP request. Every path exists with and without /v1.\n"
    );
    line!(text, "- Base URL: {url}");
    line!(text, "- Machine-readable: {url}/openapi.json");
    if subject.sandbox {
        line!(text, "- This is a sandbox: no real money is involved.");
    }
}

fn prices(text: &mut String, subject: &Subject<'_>) {
    line!(text, "\n## Prices\n");
    for (route, price) in paid(subject) {
        let usdc = price.usdc.map(|price| format!("{price} USDC (x402)"));
        let usd = price.usd.map(|price| format!("{price} USD by card (MPP)"));
        let each: Vec<String> = usdc.into_iter().chain(usd).collect();
        line!(
            text,
            "- `{}`: {}. {} {}",
            route.key,
            each.join(" or "),
            summary(route),
            notes(subject, route).join(" ")
        );
    }
    let asked = subject.challenges.requirements();
    let (network, token, payee) = (
        asked.network().caip2(),
        asked.token().address().checksummed(),
        asked.pay_to().checksummed(),
    );
    line!(text, "- USDC is asset {token} on {network}, paid to {payee}.");
    line!(text, "- Free routes:\n");
    for route in subject.routes().filter(|route| Prices::of(subject.challenges, route).is_none()) {
        line!(text, "  - `{}`: {}", route.key, summary(route));
    }
}

fn headers(text: &mut String, subject: &Subject<'_>) {
    line!(text, "\n## Headers\n");
    line!(
        text,
        "- 402: `PAYMENT-REQUIRED` (x402 v2; v1 is in the body), `WWW-Authenticate: Payment ...` (MPP)."
    );
    line!(
        text,
        "- Pay in USDC: `PAYMENT-SIGNATURE` (v2) or `X-PAYMENT` (v1); receipt in `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`."
    );
    if subject.takes_cards() {
        line!(
            text,
            "- Pay by card: `Authorization: Payment ...`; receipt in `Payment-Receipt`, and the account's token in `X-Agent-Token`."
        );
        line!(
            text,
            "- Spend credits and read: `Authorization: Bearer tpk_...` with that token. A new card token spends credits too."
        );
    }
    line!(
        text,
        "- Identification on free routes: an x402 payment of amount 0, as its 402 requires; never settled, single-use."
    );
    line!(
        text,
        "- `Idempotency-Key` names a request: reusing a key with the same request returns the first response."
    );
    line!(
        text,
        "- Every response has `X-Charge`: the charge and its reason. After a payment `X-Payment-Id`: `GET /payments/<id>`."
    );
}

fn clients(text: &mut String, subject: &Subject<'_>) {
    let Some((route, price)) = paid(subject).find(|(route, _)| route.upstream().is_some()) else {
        return;
    };
    let url = format!("{}{}", subject.public_url, route.pattern);
    let schema = route
        .upstream()
        .and_then(|upstream| upstream.body.as_ref())
        .map(|body| body.contract.schema());
    let body = schema
        .and_then(|schema| schema.pointer("/examples/0"))
        .map_or_else(|| String::from("{}"), ToString::to_string);
    let method = &route.method;
    let network = subject.challenges.requirements().network().caip2();
    line!(text, "\n## Clients");
    if let Some(units) = price.usdc {
        line!(
            text,
            "\nnpm @x402/fetch 2 (its limit is 1 USDC; x402-fetch 1 caps at 0.10 USDC, pass {} units or more):\n",
            units.get()
        );
        line!(
            text,
            "    const pay = wrapFetchWithPaymentFromConfig(fetch, {{ schemes: [{{ network: \"{network}\", client: new ExactEvmScheme(account) }}] }});"
        );
        line!(
            text,
            "    await pay(\"{url}\", {{ method: \"{method}\", headers: {{ \"content-type\": \"application/json\" }}, body: '{body}' }});"
        );
        line!(text, "\nPyPI x402 2:\n");
        line!(text, "    register_exact_evm_client(client, EthAccountSigner(account))");
        line!(
            text,
            "    async with x402HttpxClient(client) as http: await http.post(\"{url}\", json=body)"
        );
    }
    if price.usd.is_some() {
        line!(
            text,
            "\nnpm mppx 0.11 (npm i mppx@0.11.0 viem@2.56.0; for USDC: --protocol x402):\n"
        );
        line!(
            text,
            "    MPPX_STRIPE_SECRET_KEY=sk_test_... mppx {url} --protocol mpp -M paymentMethod=pm_card_visa -X {method} -J '{body}'"
        );
        line!(text, "\nPyPI pympp 0.16:\n");
        line!(
            text,
            "    async with Mpp(methods=[stripe.charge(create_token=create_token, payment_method=\"pm_...\")]) as mpp:"
        );
        line!(text, "        await mpp.fetch(\"{url}\", method=\"{method}\", json=body)");
    }
}

fn errors(text: &mut String, codes: &Codes) {
    line!(text, "\n## Errors\n");
    line!(
        text,
        "Body: `{{\"error\": {{\"code\", \"message\"}}, \"reason\", \"phase\", \"retry\", \"field\", \"expected\", \"got\", \"payment_id\"}}`.\n"
    );
    line!(text, "| status | code | means | retry |\n|---|---|---|---|");
    for (condition, meaning, retry) in ERRORS {
        let (status, code) = codes.get(condition);
        line!(text, "| {} | {code} | {meaning} | {retry} |", status.as_u16());
    }
}

fn paid<'a>(subject: &'a Subject<'a>) -> impl Iterator<Item = (&'a Route, Prices)> {
    subject.routes().filter_map(|route| Some((route, Prices::of(subject.challenges, route)?)))
}
