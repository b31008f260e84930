import { useAPI } from '../api'
import { amount, clock, count, countryName, millis } from '../format'
import { type Column, Failure, FilterBox, NetworkLink, Pages, Table, useSort } from '../parts'
import { href, place } from '../state'
import type { End, Flow, Flows as FlowList, Host, Hosts as HostList, Where } from '../types'

const perPage = 50

// PlaceOf tells where an address is, as far as databases know it.
function PlaceOf({ of }: { of: Where }) {
  if (!of.asn && !of.country) return null
  return <span class="soft" title={(of.country ? countryName(of.country) + ' ' : '') + (of.as_name ?? '')}> {of.country} {of.asn ? 'AS' + of.asn : ''}</span>
}

function EndCell({ end }: { end: End }) {
  return (
    <>
      <a href={href('flows', { filter: 'host:' + end.address })}>{end.address}</a>
      {end.port ? ':' + end.port : ''} {end.network && <span class="soft"><NetworkLink cidr={end.network} name={end.alias} /></span>}<PlaceOf of={end} />
    </>
  )
}

const flowColumns: Column<Flow>[] = [
  { name: 'Client', sort: 'client', cell: (f) => <EndCell end={f.client} /> },
  { name: 'Server', sort: 'server', cell: (f) => <EndCell end={f.server} /> },
  { name: 'Protocol', sort: 'app', cell: (f) => <>{f.protocol} · {f.app}{f.server_name && <span class="soft"> {f.server_name}</span>}</> },
  { name: 'From client', number: true, cell: (f) => amount(f.from_client.bytes) },
  { name: 'From server', number: true, cell: (f) => amount(f.from_server.bytes) },
  { name: 'Bytes', sort: 'bytes', number: true, cell: (f) => amount(f.from_client.bytes + f.from_server.bytes) },
  { name: 'Packets', sort: 'packets', number: true, cell: (f) => count(f.from_client.packets + f.from_server.packets) },
  { name: 'RTT', sort: 'rtt', number: true, cell: (f) => millis(f.server_rtt_ms) },
  { name: 'Retrans.', sort: 'retransmissions', number: true, cell: (f) => count(f.from_client.retransmissions + f.from_server.retransmissions) },
  { name: 'State', cell: (f) => f.state.replace('_', ' ') },
  { name: 'First', sort: 'first', cell: (f) => clock(f.first) },
  { name: 'Last', sort: 'last', cell: (f) => clock(f.last) },
]

export function Flows() {
  const { sort, order } = useSort('bytes')
  const { filter = '', page = '1' } = place.value.params
  const list = useAPI<FlowList>('flows', { filter, sort, order, page, per_page: perPage }, 3)
  return (
    <>
      <header class="head"><h1>Flows</h1><FilterBox hint="net:office port:443 app:TLS bytes>1MB" /></header>
      <Failure of={list} />
      {list.data && <Pages total={list.data.total} page={list.data.page} perPage={perPage} what={`of ${count(list.data.scanned)} flows`} />}
      <Table columns={flowColumns} rows={list.data?.flows ?? []} keyOf={(f) => f.client.address + f.client.port + f.server.address + f.server.port + f.protocol + f.vlan} sort={sort} order={order} caption="Flows in the table" empty={list.loading ? 'Loading…' : 'No flow fits.'} />
    </>
  )
}

const hostColumns: Column<Host>[] = [
  { name: 'Host', sort: 'address', cell: (h) => <a href={href('flows', { filter: 'host:' + h.address })}>{h.address}</a> },
  { name: 'Network', cell: (h) => (h.network ? <NetworkLink cidr={h.network} name={h.alias} /> : <><span class="soft">remote</span><PlaceOf of={h} /></>) },
  { name: 'Sent', sort: 'bytes_sent', number: true, cell: (h) => amount(h.bytes_sent) },
  { name: 'Received', sort: 'bytes_received', number: true, cell: (h) => amount(h.bytes_received) },
  { name: 'Bytes', sort: 'bytes', number: true, cell: (h) => amount(h.bytes_sent + h.bytes_received) },
  { name: 'Flows as client', sort: 'flows_client', number: true, cell: (h) => count(h.flows_client) },
  { name: 'Flows as server', sort: 'flows_server', number: true, cell: (h) => count(h.flows_server) },
  { name: 'Protocols', cell: (h) => h.apps.join(', ') },
  { name: 'Last', sort: 'last', cell: (h) => clock(h.last) },
]

export function Hosts() {
  const { sort, order } = useSort('bytes')
  const { filter = '', page = '1' } = place.value.params
  const list = useAPI<HostList>('hosts', { filter, sort, order, page, per_page: perPage }, 5)
  return (
    <>
      <header class="head"><h1>Hosts</h1><FilterBox hint="net:office bytes_sent>1GB app:SSH" /></header>
      <Failure of={list} />
      {list.data && <Pages total={list.data.total} page={list.data.page} perPage={perPage} what={`hosts of ${count(list.data.scanned)} flows`} />}
      {list.data?.capped && <p class="failure">There are more hosts than one request tells apart; those seen first are shown. A filter does not change that.</p>}
      <Table columns={hostColumns} rows={list.data?.hosts ?? []} keyOf={(h) => h.address + h.network} sort={sort} order={order} caption="Hosts of the flows in the table" empty={list.loading ? 'Loading…' : 'No host fits.'} />
    </>
  )
}
