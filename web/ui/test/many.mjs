// Many networks: the table scrolls without long frames. NETMOND_STRICT=1 fails over 50 ms, for a quiet machine.
import { check, end, launch, open, show } from './browser.mjs'

const strict = process.env.NETMOND_STRICT === '1'
const total = Number(process.env.NETMOND_NETWORKS)
const browser = await launch()
const page = await open(browser)

// The overview, drawn from nothing.
await show(page, 'settings') // the browser has woken up
const start = Date.now()
await page.goto(page.url().replace(/\?.*/, '?overview#/'))
await page.waitForFunction(() => document.querySelectorAll('#scopes [data-bytes]').length === 8 && document.querySelector('.plot canvas') && document.querySelector('.tile-value').innerText !== '–')
const drawn = Date.now() - start
console.log(`overview of ${total} networks drawn in ${drawn} ms`)
check(drawn < (strict ? 1000 : 5000), `the overview took ${drawn} ms`)

await show(page, 'networks')
await page.waitForSelector('tr.fixed .spark')
check((await page.textContent('.head')).includes(total.toLocaleString('en-US')), 'all networks are listed')
const frames = await page.evaluate(async () => {
  const box = document.querySelector('.tall')
  const times = []
  let last = performance.now()
  const tasks = []
  new PerformanceObserver((l) => tasks.push(...l.getEntries().map((e) => e.duration))).observe({ type: 'longtask' })
  const steps = 180 // wheel steps of 120 px, then leaps over the whole list
  for (let i = 0; i < steps + 20; i++) {
    await new Promise((done) => requestAnimationFrame(done))
    const now = performance.now()
    if (i > 0) times.push(now - last)
    last = now
    if (i < steps) box.scrollTop += 120
    else box.scrollTop = ((i - steps) / 20) * box.scrollHeight
  }
  return { times, tasks, rows: document.querySelectorAll('tr.fixed').length }
})
const sorted = [...frames.times].sort((a, b) => a - b)
const at = (q) => sorted[Math.floor(q * (sorted.length - 1))].toFixed(1)
const long = sorted.filter((t) => t > 50).length
console.log(`scroll of ${total} networks: frames median ${at(0.5)} ms, 95th ${at(0.95)} ms, longest ${at(1)} ms, ${long} over 50 ms; ${frames.tasks.length} long tasks, ${frames.rows} rows drawn`)
check(frames.rows < 200, `${frames.rows} rows are drawn: the table is not virtual`)
if (strict) check(long === 0, `${long} frames over 50 ms`)
// The end of the list is there.
await page.evaluate(() => (document.querySelector('.tall').scrollTop = 1e9))
await page.waitForFunction((n) => [...document.querySelectorAll('tr.fixed')].at(-1)?.getAttribute('aria-rowindex') === String(n + 1), total)
await page.waitForFunction(() => !/^…$/m.test(document.querySelector('.tall').innerText))
await browser.close()
end()
