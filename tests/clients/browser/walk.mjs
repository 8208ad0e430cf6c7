// Answers an operator's questions by clicks, each from the overview. Prints one line of JSON: for each question the clicks that it took, and what
// stands there in the end. Waits until the answer is there.
//
// walk.mjs <operator's address> <JSON: [{"steps": [["find", text] | ["click", name] | ["fill", label, text] | ["choose", label, value]...], "shows": [text...]}...]>
import { chromium } from "playwright-core";

const [base, instructions] = process.argv.slice(2);

// A link or a button by a part of its name; one of the view itself before one of the bar.
async function clickable(page, name) {
  const of = (place) => place.getByRole("link", { name }).or(place.getByRole("button", { name }));
  const own = of(page.locator("main"));
  return ((await own.count()) > 0 ? own : of(page)).first();
}

const acts = {
  find: async (page, text) => { await page.fill("#find", text); await page.press("#find", "Enter"); return 1; },
  click: async (page, name) => { await (await clickable(page, name)).click(); return 1; },
  fill: async (page, label, text) => { await page.getByLabel(label, { exact: true }).fill(text); return 0; },
  choose: async (page, label, value) => { await page.getByLabel(label, { exact: true }).selectOption(value); return 0; },
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  const walks = [];
  for (const { steps, shows } of JSON.parse(instructions)) {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await page.goto(`${base}/operator`, { waitUntil: "networkidle" });
    let clicks = 0;
    for (const [act, ...of] of steps) {
      clicks += await acts[act](page, ...of);
      await page.waitForLoadState("networkidle");
    }
    const text = () => page.locator("main").innerText();
    const there = async () => { const now = await text(); return shows.every((one) => now.includes(one)); };
    for (let tries = 0; tries < 20 && !(await there()); tries += 1) await page.waitForTimeout(250);
    walks.push({ clicks, text: await text() });
    await context.close();
  }
  console.log(JSON.stringify(walks));
} finally {
  await browser.close();
}
