// Reads one webhook as Stripe's own library does, and prints its type.
import Stripe from "stripe";

const { BODY, SIGNATURE, WEBHOOK_SECRET, NOW } = process.env;
const event = Stripe.webhooks.constructEvent(BODY, SIGNATURE, WEBHOOK_SECRET, 300, undefined, Number(NOW) * 1000);
console.log(event.type);
