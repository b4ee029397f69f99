// SPDX-License-Identifier: Apache-2.0
// A browser that is told by lines of JSON on stdin what to do, and answers each with one on stdout:
//   {"open": URL}  {"size": [W, H]}  {"run": "expression"}  {"until": "expression", "ms": N}
//   {"type": TEXT, "into": SELECTOR}  {"click": SELECTOR}  {"key": NAME}  {"picture": FILE}
//   {"report": true}: what was asked of elsewhere, what the policy has refused, what failed
// -> {"value": ...} or {"error": "..."}
'use strict';
const { execFileSync } = require('child_process');
const path = require('path');
const readline = require('readline');

const helper = path.join(__dirname, '..', '..', 'deploy', 'npm');
const prefix = execFileSync(helper, ['browser', 'prefix'], { encoding: 'utf8' }).trim();
if (prefix === '') {
	process.stderr.write('drive.js: playwright-core is not here. Remedy: deploy/setup browser\n');
	process.exit(1);
}
const { chromium } = require(path.join(prefix, 'node_modules', 'playwright-core'));

async function main() {
	const browser = await chromium.launch({
		executablePath: process.argv[2],
		args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
	});
	const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
	const report = { elsewhere: [], refused: [], failed: [] };
	let home = '';
	page.on('request', (r) => {
		if (!r.url().startsWith(home) && !r.url().startsWith('data:')) report.elsewhere.push(r.url());
	});
	page.on('pageerror', (e) => report.failed.push(String(e)));
	page.on('console', (m) => {
		if (m.type() === 'error') report.failed.push(m.text());
	});
	await page.exposeFunction('lwgRefused', (what) => report.refused.push(what));
	await page.addInitScript(() => {
		document.addEventListener('securitypolicyviolation', (e) => {
			window.lwgRefused(`${e.violatedDirective}: ${e.blockedURI}`);
		});
	});

	async function obey(order) {
		if (order.open) {
			home = new URL(order.open).origin;
			const answer = await page.goto(order.open);
			return { status: answer.status(), headers: answer.headers() };
		}
		if (order.size) return page.setViewportSize({ width: order.size[0], height: order.size[1] });
		if (order.run) return page.evaluate(order.run);
		if (order.until) {
			// Not waitForFunction(), which evaluates in the page, whose policy forbids that.
			const end = Date.now() + (order.ms || 15000);
			while (!(await page.evaluate(order.until))) {
				if (Date.now() > end) throw new Error(`not in time: ${order.until}`);
				await new Promise((next) => setTimeout(next, 50));
			}
			return true;
		}
		if (order.into) return page.fill(order.into, order.type);
		if (order.click) return page.click(order.click);
		if (order.key) return page.keyboard.press(order.key);
		if (order.picture) {
			await page.screenshot({ path: order.picture });
			return true;
		}
		if (order.report) return report;
		throw new Error(`no such order: ${JSON.stringify(order)}`);
	}

	for await (const line of readline.createInterface({ input: process.stdin })) {
		let answer;
		try {
			const value = await obey(JSON.parse(line));
			answer = { value: value === undefined ? null : value };
		} catch (e) {
			answer = { error: String(e) };
		}
		process.stdout.write(JSON.stringify(answer) + '\n');
	}
	await browser.close();
}

main().catch((e) => {
	process.stderr.write(`drive.js: ${e}\n`);
	process.exit(1);
});
