// What the tests of the page share: a browser, and the rules that hold on every view.
import { readFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const base = process.env.NETMOND_URL
export const views = (network) => [
  '', 'networks', 'network?network=' + encodeURIComponent(network), 'matrix', 'flows', 'hosts', 'alerts', 'checks', 'checks?check=syn_scan_victim', 'capture', 'settings',
]

const failures = []

// check notes a rule that does not hold.
export function check(holds, what) {
  if (!holds) {
    failures.push(what)
    console.error('FAIL ' + what)
  }
  return holds
}

export const same = (got, want, what) => check(got === want, `${what}: the page has ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)

export function end() {
  if (failures.length) {
    console.error(`${failures.length} failures`)
    process.exitCode = 1
  }
}

export const api = async (path) => {
  const r = await fetch(base + '/api/v1/' + path)
  if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`)
  return r.json()
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.NETMOND_CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--js-flags=--expose-gc'],
  })
}

// A page that notes errors, refusals by the content security policy and requests that leave the server.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, locale: 'en-US', timezoneId: 'UTC', ...options })
  const page = await context.newPage()
  page.on('console', (m) => check(m.type() !== 'error' || /status of (400|404)/.test(m.text()), 'console: ' + m.text()))
  page.on('pageerror', (e) => check(false, 'exception: ' + e.message))
  page.on('dialog', (d) => (check(false, 'a dialog: a text of the wire was run'), d.dismiss()))
  page.on('request', (r) => check(r.url().startsWith(base + '/') || r.url().startsWith('data:'), 'a request leaves the server: ' + r.url()))
  return page
}

let loads = 0

// show goes to a view and waits until its answers are drawn.
export async function show(page, view) {
  await page.goto(`${base}/?${++loads}#/${view}`) // the query makes it a load and no change of the fragment
  await page.waitForSelector('main h1')
  await page.waitForFunction(() => !/Loading…/.test(document.querySelector('main').innerText) && document.querySelector('.dot.on'))
  await page.waitForLoadState('load')
  await page.waitForFunction(() => performance.getEntriesByType('resource').filter((e) => e.name.includes('/api/v1/')).length > 0)
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 150))))
}

// audit gives the violations of WCAG 2.2 AA that axe-core sees.
export async function audit(page) {
  await page.evaluate(axe)
  const result = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  )
  return result.violations.map((v) => v.id + ': ' + v.help + ' ' + v.nodes.slice(0, 3).map((n) => n.target + ' ' + n.failureSummary).join(' | '))
}

// picture keeps a screenshot where NETMOND_SHOTS says.
export async function picture(page, name, options = {}) {
  const dir = process.env.NETMOND_SHOTS
  if (!dir) return
  mkdirSync(dir, { recursive: true })
  await page.screenshot({ path: `${dir}/${name}.png`, ...options })
}
