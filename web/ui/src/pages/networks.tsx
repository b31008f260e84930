import { useEffect, useRef, useState } from 'preact/hooks'
import { get, type APIError } from '../api'
import { Spark } from '../chart'
import { amount, count, millis, percent, rate, title } from '../format'
import { type Column, Failure, FilterBox, NetworkLink, useSort, VirtualTable } from '../parts'
import { place } from '../state'
import type { Row, Summary } from '../types'

const columns: Column<Row>[] = [
  { name: 'Network', sort: 'network', cell: (n) => <><NetworkLink cidr={n.cidr} name={title(n)} />{n.alias && <span class="soft"> {n.cidr}</span>}</> },
  { name: 'Last minute', cell: (n) => <Spark values={n.spark} label={`Traffic of ${title(n)} in the last minute`} /> },
  { name: 'Ingress', sort: 'ingress_rate', number: true, cell: (n) => rate(n.ingress_rate) },
  { name: 'Egress', sort: 'egress_rate', number: true, cell: (n) => rate(n.egress_rate) },
  { name: 'Inner', sort: 'inner_rate', number: true, cell: (n) => rate(n.inner_rate) },
  { name: 'Total in', sort: 'ingress', number: true, cell: (n) => <span data-bytes={n.ingress.bytes}>{amount(n.ingress.bytes)}</span> },
  { name: 'Total out', sort: 'egress', number: true, cell: (n) => <span data-bytes={n.egress.bytes}>{amount(n.egress.bytes)}</span> },
  { name: 'Hosts', sort: 'hosts', number: true, cell: (n) => count(n.hosts) },
  { name: 'Flows', sort: 'flows', number: true, cell: (n) => count(n.flows_active) },
  { name: 'Retrans.', sort: 'retransmissions', number: true, title: 'Retransmissions as a share of TCP packets', cell: (n) => percent(n.retransmission_share) },
  { name: 'RTT', sort: 'rtt', number: true, title: 'Mean round trip of TCP handshakes', cell: (n) => millis(n.rtt_ms) },
  { name: 'Score', sort: 'score', number: true, cell: (n) => count(Math.round(n.score)) },
  { name: 'Alerts', sort: 'alerts', number: true, cell: (n) => (n.engaged_alerts ? <a class="severity error" href={'#/alerts?network=' + encodeURIComponent(n.cidr)}>{n.engaged_alerts}</a> : '0') },
]

const perPage = 100
const ahead = 30 // rows before and after those that are drawn are asked for too

// keep gives the new rows; one that says what the old one said is the old one, and is not drawn again.
function keep(old: Row[] | undefined, rows: Row[]): Row[] {
  if (!old) return rows
  return rows.map((r, i) => (old[i]?.id === r.id && JSON.stringify(old[i]) === JSON.stringify(r) ? old[i] : r))
}

export function Networks() {
  const { sort, order } = useSort('rate')
  const q = place.value.params.q ?? ''
  const [pages, setPages] = useState<Record<number, Row[]>>({})
  const [total, setTotal] = useState<number | null>(null)
  const [error, setError] = useState<APIError | Error>()
  const wanted = useRef<number[]>([1])
  const asked = useRef<number[]>([1])
  const soon = useRef(0)
  const key = sort + order + q
  const current = useRef(key)

  const load = async (numbers: number[]) => {
    for (const page of numbers) {
      if (!wanted.current.includes(page)) continue
      try {
        const s = await get<Summary>('networks/summary', { q, sort, order, page, per_page: perPage, spark: 1 })
        if (current.current !== key) return
        setTotal(s.total)
        setPages((old) => ({ ...old, [page]: keep(old[page], s.networks) }))
        setError(undefined)
      } catch (e) {
        setError(e as Error)
      }
    }
  }
  useEffect(() => {
    current.current = key
    setPages({})
    asked.current = wanted.current
    load(wanted.current)
    const timer = window.setInterval(() => !document.hidden && load(wanted.current), 3000)
    return () => {
      window.clearInterval(timer)
      window.clearTimeout(soon.current)
      soon.current = 0
    }
  }, [key])

  const want = (from: number, to: number) => {
    const numbers = []
    const [a, b] = [Math.max(0, from - ahead), to + ahead]
    for (let p = Math.floor(a / perPage) + 1; p <= Math.ceil(b / perPage) && p <= 100; p++) if (p === 1 || (p - 1) * perPage < (total ?? 0)) numbers.push(p)
    wanted.current = numbers
    // Who drags the bar passes many pages: those that are wanted now and then are enough.
    soon.current ||= window.setTimeout(() => {
      soon.current = 0
      const fresh = wanted.current.filter((p) => !asked.current.includes(p))
      asked.current = wanted.current
      if (fresh.length) load(fresh)
    }, 50)
  }
  return (
    <>
      <header class="head">
        <h1>Networks</h1>
        <FilterBox name="q" hint="name, CIDR or an address inside" />
        <span class="soft">{total === null ? '' : count(total) + ' networks'}</span>
      </header>
      <Failure of={{ error, loading: false }} />
      <VirtualTable
        columns={columns}
        total={total ?? 0}
        row={(i) => pages[Math.floor(i / perPage) + 1]?.[i % perPage]}
        want={want}
        sort={sort}
        order={order}
        tracks="networks"
        caption="Local networks"
        empty={total === null ? 'Loading…' : 'No network fits.'}
      />
    </>
  )
}
