import { render } from 'preact'
import { Chart, type Line } from './chart'
import { bits, theme, type Theme, zone } from './state'
import type { History } from './types'

// The script of the file that netmond read --html writes: it draws the graphs of the figures in the file, which
// are all there without it.

type Field = { unit: string; amounts: number[]; min: number; max: number; mean: number; p95: number; sum: number }
type Graph = { id: string; name: string; network: string; start: number; step: number; points: number; fields: Record<string, Field>; lines: Line[] }

const graphs: Graph[] = JSON.parse(document.getElementById('data')!.textContent!)

function historyOf(g: Graph): History {
  const h: History = { network: g.network, start: g.start, step: g.step, resolution: g.step, points: g.points, fields: {} }
  for (const [name, f] of Object.entries(g.fields))
    h.fields[name] = { unit: f.unit, values: f.amounts.map((n) => n / g.step), min: f.min, max: f.max, mean: f.mean, p95: f.p95, sum: f.sum, recorded: g.points }
  return h
}

zone.value = 'utc' // as the tables have it

// Graphs are drawn as they come into sight: a file may have many.
const seen = new IntersectionObserver((entries) => {
  for (const e of entries) {
    const g = e.isIntersecting && graphs.find((g) => g.id === e.target.id)
    if (!g) continue
    seen.unobserve(e.target)
    e.target.replaceChildren()
    render(<Chart name={g.name} data={historyOf(g)} lines={g.lines} from={g.start} to={g.start + g.points * g.step} />, e.target)
  }
}, { rootMargin: '400px' })
for (const g of graphs) {
  const at = document.getElementById(g.id)
  if (at) seen.observe(at)
}

function Choices() {
  return (
    <>
      <label><span class="hidden">Units of the graphs</span><select value={bits.value ? 'bits' : 'bytes'} onChange={(e) => (bits.value = e.currentTarget.value === 'bits')}><option value="bits">graphs in bits</option><option value="bytes">graphs in bytes</option></select></label>{' '}
      <label><span class="hidden">Theme</span><select value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value as Theme)}><option value="auto">system theme</option><option value="light">light</option><option value="dark">dark</option></select></label>
    </>
  )
}
render(<Choices />, document.getElementById('choices')!)
