// Reads the operator's page as an operator does: every view, in both themes, at a desk's and a phone's width, with scripts and without; then
// does every action that is offered. Prints one line of JSON. Anything that the browser complains about is a failure.
//
// visit.mjs <operator's address> <JSON: {"views": [path or {"at": path, "status": 400}...], "actions": [...], "once": true to look only once, with nobody to judge the reading}>
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [base, instructions] = process.argv.slice(2);
const { views: asked, actions = [], once = false } = JSON.parse(instructions);
const views = asked.map((view) => (typeof view === "string" ? { at: view, status: 200 } : view));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const complaints = [];
const seen = [];

// What a page of this context complains of: errors, refusals of the content policy, and anything asked of another host.
async function opened(context, status = 200) {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    // The browser complains of every view that is refused, also of one that must be.
    const refused = status !== 200 && message.text().includes(`status of ${status} `);
    if (["error", "warning"].includes(message.type()) && !refused) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => { if (!request.url().startsWith(base) && !request.url().startsWith("data:")) complaints.push(`outside: ${request.url()}`); });
  page.on("dialog", (dialog) => { if (dialog.type() !== "confirm") complaints.push(`${dialog.type()}: ${dialog.message()}`); return dialog.accept(); });
  await page.exposeFunction("violated", (text) => complaints.push(`policy: ${text}`)).catch(() => {});
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => window.violated?.(`${event.violatedDirective} ${event.blockedURI}`)));
  return page;
}

async function judged(page, view, how) {
  // The judge is put there by the debugger, which no policy of the page can refuse.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const fault of violations.filter((fault) => ["serious", "critical"].includes(fault.impact))) {
    complaints.push(`${view} (${how}): ${fault.id}: ${fault.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
  }
}

// Scripts and handlers that stand in the page itself: there are none of ours.
const planted = (page) => page.evaluate(() => Array.from(document.querySelectorAll("*"))
  .filter((it) => (it.tagName === "SCRIPT" && !it.src) || it.getAttributeNames().some((name) => name.startsWith("on")))
  .map((it) => it.outerHTML.slice(0, 160)));

async function looked(browser, { at: view, status }, colorScheme, width) {
  const how = `${colorScheme}, ${width}px`;
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await opened(context, status);
  const answer = await page.goto(base + view, { waitUntil: "networkidle" });
  if (answer.status() !== status) complaints.push(`${view} (${how}): ${answer.status()}`);
  for (const found of await planted(page)) complaints.push(`${view} (${how}): ${found}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) complaints.push(`${view} (${how}): ${wide}px wider than the window`);
  const bar = await page.locator(".top").evaluate((it) => it.offsetHeight);
  if (width >= 1280 && bar > 60) complaints.push(`${view} (${how}): the bar is ${bar}px high, more than one line`);
  if (!once) await judged(page, view, how);
  seen.push(`${view} ${how}`);
  await context.close();
}

async function withoutScripts(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const texts = {};
  const page = await context.newPage();
  for (const { at: view, status } of views) {
    const answer = await page.goto(base + view);
    if (answer.status() !== status) complaints.push(`${view} (no scripts): ${answer.status()}`);
    texts[view] = await page.locator("main").innerText();
  }
  // The filter and the sums work by form and link alone.
  await page.goto(`${base}/operator/settlements`);
  await page.selectOption("#f-rail", "x402");
  await page.click(".filter button.main");
  texts["filtered"] = await page.locator("main").innerText();
  await page.click("text=Show totals");
  texts["sums"] = await page.locator(".sums").innerText();
  await context.close();
  return texts;
}

async function withKeys(browser) {
  const context = await browser.newContext();
  const page = await opened(context);
  await page.goto(`${base}/operator`, { waitUntil: "networkidle" });
  if ((await page.locator("[data-chart] canvas").count()) !== 1) complaints.push("no chart");
  const before = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.keyboard.press("t");
  if ((await page.evaluate(() => getComputedStyle(document.body).backgroundColor)) === before) complaints.push("the theme did not change");
  await page.keyboard.press("?");
  if (!(await page.locator("#help").isVisible())) complaints.push("no help");
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  if ((await page.evaluate(() => document.activeElement.id)) !== "find") complaints.push("/ does not find");
  await page.keyboard.press("Tab");
  await page.locator("main").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.waitForURL("**/operator/settlements");
  await page.waitForSelector(".sums strong");
  const sums = await page.locator(".sums").innerText();
  await context.close();
  return sums;
}

// {at, form, fields, then}: fills the form on a view and sends it; `then` is a text that the next view shows.
async function acted(browser, { at, form, fields, button = "button", then }) {
  const context = await browser.newContext();
  const page = await opened(context);
  await page.goto(base + at, { waitUntil: "networkidle" });
  const place = page.locator(form).first();
  for (const [name, value] of Object.entries(fields)) {
    const field = place.locator(`[name="${name}"]`);
    if ((await field.evaluate((it) => it.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  await Promise.all([page.waitForNavigation(), place.locator(button).first().click()]);
  const text = await page.locator("main").innerText();
  if (!text.includes(then)) complaints.push(`${at} ${form}: ${text.slice(0, 300)}`);
  await context.close();
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const view of views) {
    await looked(browser, view, "light", 1280);
    if (once) continue;
    await looked(browser, view, "dark", 1280);
    await looked(browser, view, "light", 390);
  }
  const texts = await withoutScripts(browser);
  const sums = await withKeys(browser);
  for (const action of actions) await acted(browser, action);
  console.log(JSON.stringify({ seen: seen.length, complaints, texts, sums }));
} finally {
  await browser.close();
}
