// Drives a Stripe API at STRIPE_BASE with Stripe's own client, and prints how many checks held.
import assert from "node:assert/strict";
import Stripe from "stripe";

const base = new URL(process.env.STRIPE_BASE);
const options = { host: base.hostname, port: base.port, protocol: "http", apiVersion: "2026-07-29.preview", maxNetworkRetries: 0 };
const stripe = new Stripe(process.env.STRIPE_KEY, options);
let checks = 0;
const same = (got, wanted) => {
  assert.deepEqual(got, wanted);
  checks += 1;
};
const failure = async (work) => {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
};
const grant = (payment_method, customer) =>
  stripe.rawRequest("POST", "/v1/test_helpers/shared_payment/granted_tokens", {
    payment_method,
    customer,
    usage_limits: { currency: "usd", max_amount: 1200, expires_at: 1900000000 },
    shared_metadata: { order: "7" },
  });
const pay = (token, more = {}, how = {}) =>
  stripe.paymentIntents.create(
    {
      amount: 1200,
      currency: "usd",
      confirm: true,
      shared_payment_granted_token: token,
      automatic_payment_methods: { enabled: true, allow_redirects: "never" },
      metadata: { gateway_payment_id: `pay of ${token}` },
      ...more,
    },
    how,
  );

const account = await stripe.rawRequest("GET", "/v1/account");
same(account.object, "account");

// A payment, its token, its charge.
const token = await grant("pm_card_visa", "cus_1");
same(token.object, "shared_payment.granted_token");
const intent = await pay(token.id, {}, { idempotencyKey: "first" });
same([intent.status, intent.amount_received, intent.currency, intent.livemode], ["succeeded", 1200, "usd", false]);
same(intent.lastResponse.statusCode, 200);
same(intent.lastResponse.headers["stripe-version"], options.apiVersion);
const replayed = await pay(token.id, {}, { idempotencyKey: "first" });
same(replayed.id, intent.id);
same(replayed.lastResponse.headers["idempotent-replayed"], "true");
const mixed = await failure(() => pay(token.id, { description: "another" }, { idempotencyKey: "first" }));
same([mixed.type, mixed.statusCode], ["StripeIdempotencyError", 400]);
const again = await failure(() => pay(token.id));
same([again.type, again.statusCode], ["StripeInvalidRequestError", 400]);
const shown = await stripe.rawRequest("GET", `/v1/shared_payment/granted_tokens/${token.id}`);
same([shown.deactivated_reason, shown.usage_details.amount_captured.value], ["consumed", 1200]);
const charge = await stripe.charges.retrieve(intent.latest_charge, { expand: ["balance_transaction"] });
same([charge.paid, charge.balance_transaction.fee, charge.balance_transaction.net], [true, 65, 1135]);
same(charge.payment_method_details.card.fingerprint, token.payment_method_details.card.fingerprint);

// The token under payment_method_data.
const other = await grant("pm_card_mastercard");
const nested = { shared_payment_granted_token: undefined, payment_method_data: { shared_payment_granted_token: other.id } };
same((await pay(undefined, nested)).status, "succeeded");

// Declines, and a card that needs its holder.
const declined = await failure(async () => pay((await grant("pm_card_visa_chargeDeclinedInsufficientFunds")).id));
same([declined.type, declined.statusCode], ["StripeCardError", 402]);
same([declined.code, declined.decline_code], ["card_declined", "insufficient_funds"]);
same(declined.payment_intent.status, "requires_payment_method");
const waiting = await pay((await grant("pm_card_authenticationRequired")).id);
same(waiting.status, "requires_action");
same((await stripe.paymentIntents.cancel(waiting.id)).status, "canceled");
same((await pay((await grant("pm_card_processing")).id)).status, "processing");

// Lists, search, refunds.
const all = [];
for await (const one of stripe.paymentIntents.list({ limit: 2, created: { gte: 1 } })) {
  all.push(one.id);
}
same([all.length, new Set(all).size, all.at(-1)], [5, 5, intent.id]);
const found = await stripe.paymentIntents.search({ query: `metadata['gateway_payment_id']:'pay of ${token.id}'` });
same([found.data.length, found.data[0].id], [1, intent.id]);
const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 200, reason: "requested_by_customer" });
same([refund.status, refund.amount], ["succeeded", 200]);
same((await stripe.refunds.retrieve(refund.id)).id, refund.id);
same((await stripe.refunds.list({ payment_intent: intent.id })).data.length, 1);
const over = await failure(() => stripe.refunds.create({ payment_intent: intent.id, amount: 1001 }));
same([over.code, over.statusCode], ["charge_already_refunded", 400]);
const moved = await stripe.balanceTransactions.list({ limit: 100 });
same(moved.data.map((it) => [it.type, it.amount]), [["refund", -200], ["charge", 1200], ["charge", 1200]]);
same((await stripe.disputes.list()).data, []);

// Keys and versions.
const stranger = await failure(() => new Stripe("sk_test_stranger", options).rawRequest("GET", "/v1/account"));
same([stranger.type, stranger.statusCode], ["StripeAuthenticationError", 401]);
const stable = new Stripe(process.env.STRIPE_KEY, { ...options, apiVersion: undefined });
const unknown = await failure(() => stable.paymentIntents.create({ amount: 60, currency: "usd", confirm: true, shared_payment_granted_token: other.id }));
same([unknown.code, unknown.param], ["parameter_unknown", "shared_payment_granted_token"]);

console.log(JSON.stringify({ version: Stripe.PACKAGE_VERSION, checks }));
