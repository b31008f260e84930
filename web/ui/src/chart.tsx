import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { amount, count, millis, rate, scaled } from './format'
import { bits, isDark, zone } from './state'
import type { History, HistoryField } from './types'

export type Line = {
  label: string
  field: string
  color: string
  down?: boolean // drawn below the axis
  fill?: boolean
  dash?: boolean
  from?: History // instead of the chart's: the period before, say
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

const show = (unit: string) => (v: number | null | undefined) =>
  v === null || v === undefined ? '–' : unit === 'bytes/s' ? rate(Math.abs(v)) : unit === 'us' ? millis(Math.abs(v) / 1e3) : spoken(Math.abs(v), unit)

// spoken is a number with its unit, which stands apart from a prefix: 1.20 k packets/s.
const spoken = (v: number, unit: string) => scaled(v) + (unit && ' ' + unit)

// steps are the distances that an axis of a unit may have between two ticks, in what is recorded: round in
// what is shown, and whole where there are no parts of what is counted.
function steps(unit: string, inBits: boolean): number[] {
  const list: number[] = []
  const least = unit === 'bytes/s' || unit === 'packets/s' ? -2 : unit === 'us' ? 0 : 0
  for (let p = least; p <= 15; p++) for (const m of [1, 2, 5]) list.push((m * 10 ** p) / (unit === 'bytes/s' && inBits ? 8 : 1))
  return list
}

// axisLabels shows the ticks of an axis in one unit, that of the largest.
function axisLabels(unit: string, inBits: boolean, ticks: number[]): string[] {
  const factor = unit === 'us' ? 1e-3 : unit === 'bytes/s' && inBits ? 8 : 1
  const top = Math.max(...ticks.map((t) => Math.abs(t))) * factor
  const power = unit === 'us' || top === 0 ? 0 : Math.max(0, Math.min(5, Math.floor(Math.log10(top * 1.0000001) / 3)))
  const scale = factor / 1000 ** power
  const gap = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) * scale : 1
  const digits = Math.max(0, Math.min(4, -Math.floor(Math.log10(gap) + 1e-9)))
  const name = ['', 'k', 'M', 'G', 'T', 'P'][power] + ({ us: 'ms', 'bytes/s': inBits ? 'bit/s' : 'B/s', 'packets/s': 'pkt/s' }[unit] ?? '')
  return ticks.map((t) => (Math.abs(t) * scale).toFixed(digits) + (name && ' ' + name))
}

const two = (n: number) => String(n).padStart(2, '0')

// dateOf is a moment whose parts, read in the reader's own zone, are those of the chart's.
function dateOf(t: number): Date {
  const d = new Date(t * 1000)
  return zone.value === 'utc' ? new Date(+d + d.getTimezoneOffset() * 60_000) : d
}

// parts are those of a second.
const parts = (d: Date) => '.' + String(d.getMilliseconds()).padStart(3, '0')

// times shows the ticks of the time axis by a clock of 24 hours; the day stands where it changes.
function times(ticks: number[], step: number): string[] {
  let day = ''
  return ticks.map((t) => {
    const d = dateOf(t)
    const date = d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate())
    const clock = two(d.getHours()) + ':' + two(d.getMinutes()) + (step < 60 ? ':' + two(d.getSeconds()) : '') + (step < 1 ? parts(d) : '')
    const fresh = date !== day
    day = date
    return step >= 86400 ? date : clock + (fresh ? '\n' + date : '')
  })
}

const moment = (t: number) => {
  const d = dateOf(t)
  return d.toLocaleDateString('sv-SE') + ' ' + d.toLocaleTimeString('sv-SE') + (d.getMilliseconds() ? parts(d) : '')
}

// times and values of a line, in the chart's own steps.
function column(line: Line, h: History): (number | null)[] {
  const f: HistoryField | undefined = (line.from ?? h).fields[line.field]
  const values = f ? f.values : []
  const out: (number | null)[] = []
  for (let i = 0; i < h.points; i++) {
    const v = values[i] ?? null
    out.push(v === null ? null : line.down ? -v : v)
  }
  return out
}

// A Chart draws lines over time, with the figures of each below as a table.
export function Chart({ name, data, lines, height = 220, from, to }: {
  name: string
  data: History
  lines: Line[]
  height?: number
  from: number
  to: number
}) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  // The 95th percentiles of the two mirrored lines; the drawing looks here, for it outlives the data.
  const marks = useRef<[Line, number][]>([])
  const range = useRef([from, to])
  marks.current = lines.flatMap((l) => (l.fill && data.fields[l.field]?.p95 ? [[l, data.fields[l.field].p95!] as [Line, number]] : []))
  // What is before the first record is left out, so that the first minutes fill the graph.
  range.current = [data.points > 0 ? Math.max(from, Math.min(data.start, to - 60)) : from, to]
  const dark = isDark.value
  const inBits = bits.value
  const unit = data.fields[lines[0].field]?.unit ?? ''
  // Of a field that is measured now and then single points have no line to be on.
  const alone = unit === 'us'
  const fine = data.step < 1 // clocks with parts of a second are wide
  const shape = fine + lines.map((l) => l.label + l.color + l.down).join() + dark + inBits + unit + height

  useEffect(() => {
    const grid = { stroke: css('--grid'), width: 1 }
    const axis = { stroke: css('--text-soft'), grid, ticks: grid, font: '12px system-ui' }
    const show95 = lines.some((l) => l.down)
    const u = new uPlot(
      {
        width: box.current!.clientWidth,
        height,
        legend: { live: true },
        tzDate: (t) => dateOf(t),
        cursor: { y: false },
        scales: {
          x: { time: true, range: () => range.current as [number, number] },
          // Zero is always in sight, and a graph without traffic is not blown up.
          y: { range: (_u, min, max) => (min === null || max === null || (min === 0 && max === 0) ? [0, 1] : [Math.min(0, min * 1.08), Math.max(0, max * 1.08)]) },
        },
        axes: [
          { ...axis, space: fine ? 110 : 50, values: (_u, ticks, _i, _space, step) => times(ticks, step) },
          { ...axis, size: 88, incrs: steps(unit, inBits), values: (_u, ticks) => axisLabels(unit, inBits, ticks) },
        ],
        series: [
          { label: 'Time', value: (_u: uPlot, v: number | null) => (v === null ? '–' : moment(v)) },
          ...lines.map((l) => ({
            label: l.label,
            stroke: css(l.color),
            width: l.dash ? 1.2 : 1.6,
            dash: l.dash ? [5, 4] : undefined,
            fill: l.fill ? css(l.color) + '38' : undefined,
            points: { show: alone, size: 4 },
            spanGaps: false,
            value: (_u: uPlot, v: number | null) => show(unit)(v),
          })),
        ],
        hooks: {
          draw: [
            (u) => {
              if (!show95) return
              for (const [line, p95] of marks.current) {
                const y = u.valToPos(line.down ? -p95 : p95, 'y', true)
                if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) continue
                u.ctx.save()
                u.ctx.strokeStyle = css(line.color)
                u.ctx.setLineDash([2, 4])
                u.ctx.beginPath()
                u.ctx.lineWidth = devicePixelRatio
                u.ctx.moveTo(u.bbox.left, y)
                u.ctx.lineTo(u.bbox.left + u.bbox.width, y)
                u.ctx.stroke()
                u.ctx.restore()
              }
            },
          ],
        },
      },
      [[], ...lines.map(() => [])],
      box.current!,
    )
    plot.current = u
    const resize = new ResizeObserver(() => box.current && u.setSize({ width: box.current.clientWidth, height }))
    resize.observe(box.current!)
    return () => {
      resize.disconnect()
      u.destroy()
    }
  }, [shape])

  useEffect(() => {
    const x: number[] = []
    for (let i = 0; i < data.points; i++) x.push(data.start + i * data.step)
    plot.current?.setData([x, ...lines.map((l) => column(l, data))] as uPlot.AlignedData)
  }, [data, shape, from, to])

  const empty = lines.every((l) => !data.fields[l.field]?.recorded)
  return (
    <figure class="chart">
      <figcaption>{name}</figcaption>
      {empty && <p class="soft">Nothing was recorded in this range.</p>}
      <div ref={box} class="plot" role="img" aria-label={describe(name, data, lines)} />
      <Figures name={name} data={data} lines={lines} />
    </figure>
  )
}

function describe(name: string, data: History, lines: Line[]): string {
  const unit = data.fields[lines[0].field]?.unit ?? ''
  const parts = lines
    .filter((l) => !l.from)
    .map((l) => {
      const f = data.fields[l.field]
      return f ? `${l.label}: mean ${show(unit)(f.mean)}, highest ${show(unit)(f.max)}` : `${l.label}: nothing`
    })
  return `${name}. ${parts.join('; ')}. The table below has the figures.`
}

// Figures is the table of a chart, and on request all its values.
function Figures({ name, data, lines }: { name: string; data: History; lines: Line[] }) {
  const [open, setOpen] = useState(false)
  const own = lines.filter((l) => (l.from ?? data).fields[l.field])
  const sums = own.some((l) => (l.from ?? data).fields[l.field].sum !== null)
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label={'Figures: ' + name}>
        <table class="figures">
          <thead>
            <tr>
              <th scope="col"><span class="hidden">Line</span></th>
              <th scope="col">min</th>
              <th scope="col">avg</th>
              <th scope="col" title="95 % of the points are at or below this">95th</th>
              <th scope="col">max</th>
              {sums && <th scope="col">total</th>}
            </tr>
          </thead>
          <tbody>
            {own.map((l) => {
              const f = (l.from ?? data).fields[l.field]
              const s = show(f.unit)
              return (
                <tr key={l.label} data-field={l.from ? undefined : l.field}>
                  <th scope="row"><span class={l.dash ? 'swatch dashed' : 'swatch'} data-color={l.color} />{l.label}</th>
                  <td data-value={f.min}>{s(f.min)}</td>
                  <td data-value={f.mean}>{s(f.mean)}</td>
                  <td data-value={f.p95}>{s(f.p95)}</td>
                  <td data-value={f.max}>{s(f.max)}</td>
                  {sums && <td data-value={f.sum}>{f.sum === null ? '' : f.unit === 'bytes/s' ? amount(f.sum) : count(Math.round(f.sum))}</td>}
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      <details class="values" onToggle={(e) => setOpen((e.currentTarget as HTMLDetailsElement).open)}>
        <summary>Values as a table</summary>
        {open && <Values name={name} data={data} lines={own} />}
      </details>
    </>
  )
}

// Values are the points of a graph, the latest first.
function Values({ name, data, lines }: { name: string; data: History; lines: Line[] }) {
  const columns = lines.map((l) => ({ l, list: column({ ...l, down: false }, data), s: show((l.from ?? data).fields[l.field].unit) }))
  const rows = []
  for (let i = data.points - 1; i >= 0; i--) if (columns.some((c) => c.list[i] !== null)) rows.push(i)
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-label={'Values: ' + name}>
      <table class="rows">
        <thead><tr><th scope="col">Time</th>{lines.map((l) => <th key={l.label} scope="col" class="number">{l.label}</th>)}</tr></thead>
        <tbody>{rows.map((i) => <tr key={i}><td>{moment(data.start + i * data.step)}</td>{columns.map((c) => <td key={c.l.label} class="number">{c.s(c.list[i])}</td>)}</tr>)}</tbody>
      </table>
    </div>
  )
}

// A Spark is a small line without axes.
export function Spark({ values, label }: { values: (number | null)[] | undefined; label: string }) {
  const w = 96
  const h = 22
  if (!values || values.length < 2) return <svg class="spark" width={w} height={h} aria-hidden="true" />
  const top = Math.max(1, ...values.map((v) => v ?? 0))
  let path = ''
  let pen = false
  values.forEach((v, i) => {
    if (v === null) {
      pen = false
      return
    }
    path += (pen ? 'L' : 'M') + ((i / (values.length - 1)) * w).toFixed(1) + ' ' + (h - 1 - (v / top) * (h - 2)).toFixed(1)
    pen = true
  })
  return (
    <svg class="spark" width={w} height={h} viewBox={`0 0 ${w} ${h}`} role="img" aria-label={label}>
      <path d={path} />
    </svg>
  )
}
