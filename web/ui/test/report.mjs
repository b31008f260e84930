// The file of netmond read --html, opened from the disk without a network: its figures are those of netmond
// read --format json, it asks nobody for anything, and nobody is shut out, with scripts and without.
import { readFileSync } from 'node:fs'
import { audit, check, end, launch, picture, same } from './browser.mjs'

const report = JSON.parse(readFileSync(process.env.NETMOND_REPORT))
const file = 'file://' + process.env.NETMOND_HTML
const browser = await launch()

async function opened(options) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, locale: 'en-US', timezoneId: 'Asia/Kolkata', offline: true, ...options })
  const page = await context.newPage()
  page.on('console', (m) => check(m.type() !== 'error', 'console: ' + m.text()))
  page.on('pageerror', (e) => check(false, 'exception: ' + e.message))
  page.on('dialog', (d) => (check(false, 'a dialog: a text was run'), d.dismiss()))
  page.on('request', (r) => check(r.url() === file || r.url().startsWith('data:'), 'a request: ' + r.url().slice(0, 200)))
  await page.goto(file)
  return page
}

const bytesIn = (page, selector) => page.$$eval(selector, (list) => list.map((e) => [...e.querySelectorAll('[data-bytes]')].map((c) => Number(c.dataset.bytes))))
const one = async (page, selector) => (await bytesIn(page, selector))[0] ?? []
const sum = (list) => list.reduce((a, b) => a + b, 0)

async function figures(page, what) {
  same((await page.$$eval('.tile-value[data-bytes]', (l) => l.map((e) => Number(e.dataset.bytes))))[0], report.capture.bytes, what + ': bytes')
  for (const [name, c] of Object.entries(report.scopes)) same((await one(page, `[data-scope="${name}"]`))[0], c.bytes, `${what}: scope ${name}`)
  for (const [name, c] of Object.entries(report.undecoded_reasons)) same((await one(page, `[data-reason="${name}"]`))[0], c.bytes, `${what}: reason ${name}`)
  for (const n of report.networks) {
    const all = n.ingress.bytes + n.egress.bytes + n.inner.bytes
    same((await one(page, `#networks [data-network="${n.cidr}"]`)).join(), all ? [n.ingress.bytes, n.egress.bytes, n.inner.bytes].join() : '', `${what}: network ${n.cidr}`)
  }
  const rows = async (id, selector) => page.$$eval(`#${id} ${selector}`, (l) => l.map((r) => [...r.querySelectorAll('[data-bytes]')].map((e) => Number(e.dataset.bytes))))
  const hosts = await rows('hosts', 'tr[data-host]')
  same(hosts.length, report.top.hosts.rows.length, what + ': hosts')
  report.top.hosts.rows.forEach((h, i) => same(hosts[i].join(), [h.bytes_sent, h.bytes_received].join(), `${what}: host ${h.address}`))
  for (const side of [0, 1]) same(sum((await rows('hosts', 'tbody tr')).map((r) => r[side])), report.capture.bytes, `${what}: the hosts' side ${side}`)
  same(sum((await rows('flows', 'tbody tr')).map((r) => r.at(-1))), report.capture.bytes, what + ': the flows')
  same(sum((await rows('protocols', 'tbody tr')).map((r) => r.at(-1))), report.capture.bytes, what + ': the protocols')
  if (report.matrix.length)
    for (const c of report.top.matrix.rows) same((await one(page, `[data-cell="${c.src}>${c.dst}"]`))[0], c.bytes, `${what}: ${c.src} to ${c.dst}`)
}

// The figures under a graph: those of the network's counters.
async function totals(page, what) {
  const line = (id, field) => page.$eval(`#${id} tr[data-field=${field}] td:last-child`, (e) => Number(e.dataset.value))
  for (const scope of ['inbound', 'outbound', 'internal', 'transit']) same(await line('graph-all', scope + '_bytes'), report.scopes[scope].bytes, `${what}: ${scope} under the graph`)
  for (const n of report.networks) {
    if (!(await page.$(`#graph-${n.id}`))) continue
    for (const d of ['ingress', 'egress', 'inner']) same(await line(`graph-${n.id}`, d + '_bytes'), n[d].bytes, `${what}: ${n.cidr} ${d} under the graph`)
  }
}

// Without scripts: all figures are there, in both themes.
for (const colorScheme of ['light', 'dark']) {
  const page = await opened({ javaScriptEnabled: false, colorScheme })
  const back = await page.locator('body').evaluate((e) => getComputedStyle(e).backgroundColor).catch(() => '')
  if (back) same(back !== 'rgb(255, 255, 255)', colorScheme === 'dark', `without scripts, ${colorScheme}: the background is ${back}`)
  await figures(page, 'without scripts')
  await totals(page, 'without scripts')
  await page.context().close()
}

const page = await opened({ colorScheme: 'light' })
await figures(page, 'with scripts')
await page.waitForSelector('#graph-all canvas')
// A graph is drawn once it comes into sight.
for (const at of await page.$$('[id^=graph-], [id^=health-]')) {
  await at.scrollIntoViewIfNeeded()
  await page.waitForFunction((e) => e.querySelector('canvas'), at)
}
await totals(page, 'with scripts')
for (const colorScheme of ['light', 'dark']) {
  await page.emulateMedia({ colorScheme })
  await page.waitForFunction((c) => document.documentElement.dataset.theme === c, colorScheme)
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 150))))
  for (const v of await audit(page)) check(false, `${colorScheme}: ${v}`)
  await page.evaluate(() => window.scrollTo(0, 0))
  await picture(page, 'report-' + colorScheme)
  await picture(page, 'report-full-' + colorScheme, { fullPage: true })
}
await page.setViewportSize({ width: 390, height: 800 })
const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
const widest = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > 391 && !e.closest('.scroll') && !e.closest('.plot')).map((e) => e.tagName + '.' + e.className).slice(0, 5).join(' '))
check(wide <= 0, `${widest}: it is ${wide} px too wide for a window of 390 px`)
// The clock is UTC, whatever the reader's own zone: the values have the time of the first frame.
await page.setViewportSize({ width: 1400, height: 1000 })
await page.click('#graph-all summary')
await page.waitForSelector('#graph-all .values td')
const times = await page.$$eval('#graph-all .values td:first-child', (l) => l.map((e) => e.textContent))
same(times.at(-1)?.slice(0, 16), report.capture.first.slice(0, 16).replace('T', ' '), 'the first point')
await browser.close()
end()
