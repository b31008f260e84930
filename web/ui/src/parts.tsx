import { Component, type ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { APIError, type Loaded } from './api'
import { bits, go, href, place } from './state'

// A Column of a table: sort is the API's name of its order.
export type Column<T> = {
  name: string
  sort?: string
  title?: string
  number?: boolean
  cell: (row: T) => ComponentChildren
}

// A Sort is what the place says of the order.
export function useSort(otherwise: string, otherwiseOrder: 'asc' | 'desc' = 'desc') {
  const { sort = otherwise, order = otherwiseOrder } = place.value.params
  return { sort, order }
}

function Heading<T>({ column, sort, order }: { column: Column<T>; sort: string; order: string }) {
  if (!column.sort) return <th scope="col" role="columnheader" class={column.number ? 'number' : ''} title={column.title}>{column.name}</th>
  const on = column.sort === sort
  const next = on && order === 'desc' ? 'asc' : 'desc'
  return (
    <th scope="col" role="columnheader" class={column.number ? 'number' : ''} title={column.title} aria-sort={on ? (order === 'asc' ? 'ascending' : 'descending') : undefined}>
      <button type="button" class="sort" onClick={() => go({ sort: column.sort, order: next, page: undefined })}>
        {column.name}
        <span aria-hidden="true">{on ? (order === 'asc' ? ' ▲' : ' ▼') : ''}</span>
      </button>
    </th>
  )
}

export function Table<T>({ columns, rows, keyOf, sort, order, caption, empty }: {
  columns: Column<T>[]
  rows: T[]
  keyOf: (row: T) => string | number
  sort: string
  order: string
  caption: string
  empty: string
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="rows">
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>{columns.map((c) => <Heading key={c.name} column={c} sort={sort} order={order} />)}</tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={keyOf(r)}>
              {columns.map((c) => <td key={c.name} class={c.number ? 'number' : ''}>{c.cell(r)}</td>)}
            </tr>
          ))}
          {rows.length === 0 && <tr><td colSpan={columns.length} class="empty">{empty}</td></tr>}
        </tbody>
      </table>
    </div>
  )
}

// A Row of a long list is drawn anew only when what it shows changes. Its nodes stay when it moves on to another
// row of the list: new text in old nodes is what scrolling costs.
class Row<T> extends Component<{ columns: Column<T>[]; data: T | undefined; i: number; height: number; inBits: boolean }> {
  shouldComponentUpdate(next: Row<T>['props']) {
    return next.data !== this.props.data || next.i !== this.props.i || next.inBits !== this.props.inBits
  }

  render() {
    const { columns, data, i, height } = this.props
    return (
      <tr role="row" aria-rowindex={i + 2} class="fixed" style={{ transform: `translateY(${i * height}px)` }}>
        {columns.map((c, k) => <td key={c.name} role="cell" class={c.number ? 'number' : ''}>{data ? c.cell(data) : k === 0 ? '…' : ''}</td>)}
      </tr>
    )
  }
}

const block = 4 // rows by which the drawn part of a long list moves
const mostAnew = 8 // rows that one frame draws anew

// A VirtualTable shows a long list, of which only the rows in sight are asked for and drawn. They are laid out by
// tracks, so that no row's content moves another row, and as many as fill the box are there from the beginning.
export function VirtualTable<T>({ columns, total, row, want, tracks, sort, order, caption, empty, rowHeight = 32 }: {
  columns: Column<T>[]
  total: number
  row: (i: number) => T | undefined
  want: (from: number, to: number) => void
  tracks: string // class that has the grid of its columns
  sort: string
  order: string
  caption: string
  empty: string
  rowHeight?: number
}) {
  const box = useRef<HTMLDivElement>(null)
  const [from, setFrom] = useState(0)
  const [drawn, setDrawn] = useState(40)
  const [first, setFirst] = useState(0) // the node that is first in the document
  const rest = useRef(0)
  const shown = useRef(new Map<number, { i: number; data: T | undefined }>()) // by node
  const [, setTurn] = useState(0)
  const to = Math.min(total, from + drawn)
  useEffect(() => {
    const resize = new ResizeObserver(([e]) => {
      shown.current.clear()
      setDrawn((Math.ceil(e.contentRect.height / rowHeight / block) + 3) * block)
    })
    resize.observe(box.current!)
    return () => resize.disconnect()
  }, [])
  const scrolled = () => {
    const el = box.current!
    const next = Math.max(0, Math.min(Math.floor(el.scrollTop / rowHeight / block) - 1, Math.floor(total / block)) * block)
    if (next === from) return
    // The row that has the focus may go: the box takes it, so that Tab goes on from here.
    const at = document.activeElement?.closest('tr.fixed')
    if (at && el.contains(at)) {
      const i = Number(at.getAttribute('aria-rowindex')) - 2
      if (i < next || i >= next + drawn) el.focus({ preventScroll: true })
    }
    setFrom(next)
    // Moved nodes are styled anew, which is most of what a step would cost: the order of the document, by which
    // Tab and screen readers go, follows when the list rests.
    window.clearTimeout(rest.current)
    rest.current = window.setTimeout(() => setFirst(next % drawn), 150)
  }
  useEffect(() => () => window.clearTimeout(rest.current), [])
  useEffect(scrolled, [total])
  useEffect(() => want(from, to), [from, to, sort, order, total])
  const rows = []
  let anew = 0
  let more = false
  for (let k = first; k < first + drawn; k++) {
    const node = k % drawn
    const i = from + ((k - from) % drawn + drawn) % drawn // the row that it is to show
    const old = shown.current.get(node)
    let now: { i: number; data: T | undefined } = { i, data: row(i) }
    if (i >= to) {
      shown.current.delete(node)
      continue
    }
    // A node goes on showing its old row, out of sight after a leap, until the new one is here and its turn comes.
    if (old?.data && old.i < total && (old.i !== i || old.data !== now.data)) {
      if (!now.data || anew === mostAnew) {
        more ||= now.data !== undefined
        now = old
      } else anew++
    }
    shown.current.set(node, now)
    rows.push(<Row key={node} columns={columns as Column<unknown>[]} data={now.data} i={now.i} height={rowHeight} inBits={bits.value} />)
  }
  useEffect(() => {
    if (!more) return
    const next = requestAnimationFrame(() => setTurn((n) => n + 1))
    return () => cancelAnimationFrame(next)
  })
  return (
    <div class="scroll tall" ref={box} onScroll={scrolled} tabIndex={0} role="region" aria-label={caption}>
      <table class={'rows virtual ' + tracks} role="table" aria-rowcount={total + 1}>
        <caption class="hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>{columns.map((c) => <Heading key={c.name} column={c} sort={sort} order={order} />)}</tr>
        </thead>
        <tbody role="rowgroup" style={{ height: Math.max(1, total) * rowHeight + 'px' }}>
          {rows}
          {total === 0 && <tr role="row"><td role="cell" class="empty">{empty}</td></tr>}
        </tbody>
      </table>
    </div>
  )
}

// Failure tells what went wrong, and nothing when nothing did.
export function Failure({ of }: { of: Loaded<unknown> }) {
  if (!of.error) return null
  const column = of.error instanceof APIError && of.error.column ? ` (column ${of.error.column})` : ''
  return <p class="failure" role="alert">{of.error.message}{column}</p>
}

// FilterBox is the filter of a list; it takes effect with Enter.
export function FilterBox({ hint, name = 'filter' }: { hint: string; name?: string }) {
  const value = place.value.params[name] ?? ''
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  return (
    <form class="filter" role="search" onSubmit={(e) => { e.preventDefault(); go({ [name]: text.trim(), page: undefined }) }}>
      <label for={'filter-' + name}>Filter</label>
      <input id={'filter-' + name} type="search" value={text} placeholder={hint} spellcheck={false} autocomplete="off"
        onInput={(e) => { setText(e.currentTarget.value); if (e.currentTarget.value === '') go({ [name]: undefined, page: undefined }) }} />
      <button type="submit">Apply</button>
    </form>
  )
}

// Pages are the links to other parts of a list.
export function Pages({ total, page, perPage, what }: { total: number; page: number; perPage: number; what: string }) {
  const last = Math.max(1, Math.min(Math.ceil(total / perPage), Math.floor(10_000 / perPage)))
  return (
    <nav class="pages" aria-label="Pages">
      <span>{total.toLocaleString('en-US')} {what}</span>
      <button type="button" disabled={page <= 1} onClick={() => go({ page: page - 1 })}>Previous</button>
      <span>page {page} of {last}</span>
      <button type="button" disabled={page >= last} onClick={() => go({ page: page + 1 })}>Next</button>
    </nav>
  )
}

// A Bar is a share of a whole.
export function Bar({ share }: { share: number }) {
  return <svg class="bar" width="80" height="8" viewBox="0 0 80 8" preserveAspectRatio="none" aria-hidden="true"><rect width={Math.max(0, Math.min(1, share)) * 80} height="8" rx="2" /></svg>
}

export const ranges: [string, string][] = [['15m', '15 minutes'], ['1h', '1 hour'], ['6h', '6 hours'], ['24h', '1 day'], ['7d', '7 days'], ['30d', '30 days'], ['365d', '1 year']]

const secondsOf = (text: string) => parseInt(text) * ({ m: 60, h: 3600, d: 86400 } as Record<string, number>)[text.slice(-1)]

// useRange is the time range of charts, from the place.
export function useRange() {
  const name = place.value.params.range ?? '15m'
  const known = ranges.some(([r]) => r === name) ? name : '15m'
  return { name: known, seconds: secondsOf(known) }
}

export function RangeBox() {
  const { name } = useRange()
  return (
    <label class="range">
      Range{' '}
      <select value={name} onChange={(e) => go({ range: e.currentTarget.value })}>
        {ranges.map(([r, text]) => <option key={r} value={r}>{text}</option>)}
      </select>
    </label>
  )
}

export function NetworkLink({ cidr, name }: { cidr: string; name?: string }) {
  return <a href={href('network', { network: cidr })}>{name || cidr}</a>
}
