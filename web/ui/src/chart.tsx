import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { amount, count, rate, scaled } from './format'
import { bits, isDark } from './state'
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
  v === null || v === undefined ? '–' : unit === 'bytes/s' ? rate(Math.abs(v)) : unit === 'us' ? scaled(Math.abs(v) / 1e6, 's') : scaled(Math.abs(v), unit)

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
  const dark = isDark.value
  const inBits = bits.value
  const unit = data.fields[lines[0].field]?.unit ?? ''
  const shape = lines.map((l) => l.label + l.color + l.down).join() + dark + inBits + unit + height

  useEffect(() => {
    const grid = { stroke: css('--grid'), width: 1 }
    const axis = { stroke: css('--text-soft'), grid, ticks: grid, font: '12px system-ui' }
    const p95 = data.fields[lines[0].field]?.p95 ?? null
    const u = new uPlot(
      {
        width: box.current!.clientWidth,
        height,
        legend: { live: true },
        cursor: { y: false },
        scales: { x: { time: true, range: () => [from, to] } },
        axes: [axis, { ...axis, size: 84, values: (_u, ticks) => ticks.map((t) => show(unit)(t)) }],
        series: [
          {},
          ...lines.map((l) => ({
            label: l.label,
            stroke: css(l.color),
            width: l.dash ? 1.2 : 1.6,
            dash: l.dash ? [5, 4] : undefined,
            fill: l.fill ? css(l.color) + '38' : undefined,
            points: { show: false },
            spanGaps: false,
            value: (_u: uPlot, v: number | null) => show(unit)(v),
          })),
        ],
        hooks: {
          draw: [
            (u) => {
              if (!p95 || !lines.some((l) => l.down)) return
              const y = u.valToPos(p95, 'y', true)
              u.ctx.save()
              u.ctx.strokeStyle = css('--text-soft')
              u.ctx.setLineDash([2, 4])
              u.ctx.beginPath()
              u.ctx.moveTo(u.bbox.left, y)
              u.ctx.lineTo(u.bbox.left + u.bbox.width, y)
              u.ctx.stroke()
              u.ctx.restore()
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

  return (
    <figure class="chart">
      <figcaption>{name}</figcaption>
      <div ref={box} class="plot" role="img" aria-label={describe(name, data, lines)} />
      <Figures data={data} lines={lines} />
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

// Figures is the table of a chart.
function Figures({ data, lines }: { data: History; lines: Line[] }) {
  const own = lines.filter((l) => data.fields[l.field] && !l.from)
  return (
    <table class="figures">
      <thead>
        <tr>
          <th scope="col"><span class="hidden">Line</span></th>
          <th scope="col">min</th>
          <th scope="col">mean</th>
          <th scope="col" title="95 % of the points are at or below this">95th</th>
          <th scope="col">max</th>
          <th scope="col">total</th>
        </tr>
      </thead>
      <tbody>
        {own.map((l) => {
          const f = data.fields[l.field]
          const s = show(f.unit)
          return (
            <tr key={l.label}>
              <th scope="row"><span class="swatch" data-color={l.color} />{l.label}</th>
              <td>{s(f.min)}</td>
              <td>{s(f.mean)}</td>
              <td>{s(f.p95)}</td>
              <td>{s(f.max)}</td>
              <td>{f.sum === null ? '' : f.unit === 'bytes/s' ? amount(f.sum) : count(Math.round(f.sum))}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
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
