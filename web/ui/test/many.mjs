// Many networks: the overview is there at once, and the table scrolls without long frames. NETMOND_STRICT=1
// holds both to the times that are promised, for a quiet machine; else they are told.
import { base, check, end, launch, open, show } from './browser.mjs'

const strict = process.env.NETMOND_STRICT === '1'
const total = Number(process.env.NETMOND_NETWORKS)
const browser = await launch()
const page = await open(browser)

// The overview, drawn from nothing.
await show(page, 'settings') // the browser has woken up
const start = Date.now()
await page.goto(page.url().replace(/\?.*/, '?overview#/'))
await page.waitForFunction(() => document.querySelectorAll('#scopes [data-bytes]').length === 8 && document.querySelector('.plot canvas') && document.querySelector('.tile-value').innerText !== '–')
const took = Date.now() - start
console.log(`overview of ${total} networks drawn in ${took} ms`)
check(!strict || took < 1000, `the overview took ${took} ms`)

await show(page, 'networks')
await page.waitForSelector('tr.fixed .spark')
check((await page.textContent('.head')).includes(total.toLocaleString('en-US')), 'all networks are listed')
// A turn of the wheel changes the text of rows that are there: hardly a node is made, and styles and layout are
// reckoned once. That is held always; times are held on a quiet machine alone.
await page.evaluate(() => {
  const box = document.querySelector('.tall')
  const known = new WeakSet(box.querySelectorAll('*'))
  const seen = (window.seen = { made: 0, frames: [], long: [] })
  new MutationObserver((list) => {
    for (const m of list)
      for (const n of m.addedNodes)
        if (n.nodeType === Node.ELEMENT_NODE) for (const e of [n, ...n.querySelectorAll('*')]) if (!known.has(e)) (known.add(e), seen.made++)
  }).observe(box, { childList: true, subtree: true })
  new PerformanceObserver((l) => l.getEntries().forEach((e) => seen.long.push(Math.round(e.duration)))).observe({ type: 'long-animation-frame' })
  let last = performance.now()
  const frame = (t) => (seen.frames.push(t - last), (last = t), requestAnimationFrame(frame))
  requestAnimationFrame(frame)
})
const cdp = await page.context().newCDPSession(page)
await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
const metrics = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
const box = await (await page.$('.tall')).boundingBox()
// turn moves the wheel and gives what that took, a step.
async function turn(what, steps, deltaY) {
  await page.evaluate(() => ((seen.made = 0), (seen.frames.length = 0), (seen.long.length = 0)))
  const before = await metrics()
  for (let i = 0; i < steps; i++) {
    await cdp.send('Input.dispatchMouseEvent', { type: 'mouseWheel', x: box.x + 300, y: box.y + 300, deltaX: 0, deltaY: Math.floor(i / 20) % 2 ? -deltaY : deltaY })
    await page.waitForTimeout(30)
  }
  await page.waitForTimeout(400)
  const after = await metrics()
  const { made, frames, long } = await page.evaluate(() => seen)
  const sorted = frames.sort((a, b) => a - b)
  const a = (name) => (after[name] - before[name]) / steps
  const took = { made: made / steps, styles: a('RecalcStyleCount'), layouts: a('LayoutCount'), most: Math.max(sorted.at(-1), ...long) }
  console.log(`${what} over ${total} networks, ${steps} steps of ${deltaY} px: frames 95th ${sorted[Math.floor(sorted.length * 0.95)].toFixed(1)} ms, most ${took.most.toFixed(1)} ms; a step: ${(a('TaskDuration') * 1000).toFixed(1)} ms of the thread, ${took.made.toFixed(1)} elements made, ${took.styles.toFixed(1)} style recalculations, ${took.layouts.toFixed(1)} layouts`)
  return took
}
const drawn = () => page.$eval('.tall', (b) => [b.querySelectorAll('tr.fixed').length, b.querySelectorAll('*').length])
for (const [what, deltaY] of [['wheel', 120], ['leaps', 14_000]]) {
  const took = await turn(what, 120, deltaY)
  if (what === 'wheel') check(took.made <= 4, `${what}: ${took.made} elements are made in a step: rows are not used again`)
  check(took.styles <= 4 && took.layouts <= 4, `${what}: ${took.styles} style recalculations and ${took.layouts} layouts in a step`)
  check(!strict || took.most < 50, `${what}: a frame took ${took.most} ms`)
}
const [rows, elements] = await drawn()
console.log(`${rows} rows drawn, ${elements} elements`)
check(rows <= 60 && elements < 40 * rows, `${rows} rows and ${elements} elements are drawn: the table is not virtual`)
// At rest the document has the rows in their order, for Tab and for screen readers.
await page.evaluate(() => (document.querySelector('.tall').scrollTop = 3333))
await page.waitForFunction(() => {
  const at = [...document.querySelectorAll('tr.fixed')].map((r) => Number(r.getAttribute('aria-rowindex')))
  return at[0] > 90 && at.every((n, i) => i === 0 || n === at[i - 1] + 1)
})
// The focus does not get lost with its row.
await page.focus('tr.fixed:nth-child(8) a')
await page.evaluate(() => (document.querySelector('.tall').scrollTop = 50))
await page.waitForFunction(() => document.activeElement.matches('.tall'))
// The end of the list is there.
await page.evaluate(() => (document.querySelector('.tall').scrollTop = 1e9))
await page.waitForFunction((n) => [...document.querySelectorAll('tr.fixed')].at(-1)?.getAttribute('aria-rowindex') === String(n + 1), total)
await page.waitForFunction(() => !/^…$/m.test(document.querySelector('.tall').innerText))
// What an open overview costs the server: its processor time with the page, less that without. The scrape that tells it
// is in both.
if (strict) {
  const processor = async () => Number(/^process_cpu_seconds_total (.*)$/m.exec(await (await fetch(base + '/metrics')).text())[1])
  const over = async (seconds) => {
    const before = await processor()
    await new Promise((done) => setTimeout(done, seconds * 1000))
    return ((await processor()) - before) / seconds
  }
  for (let i = 0; i < 3; i++) await processor() // the first ones take memory that the others have
  await show(page, '')
  const opened = await over(20)
  await page.context().close()
  const closed = await over(20)
  const share = (opened - closed) * 100
  console.log(`an open overview of ${total} networks costs the server ${share.toFixed(2)} % of a core`)
  check(share < 2, `an open page costs ${share} % of a core`)
}
await browser.close()
end()
