// The answers of the API, as web/openapi.yaml has them.

export type Counts = { packets: number; bytes: number }
export type Rates = { ingress_rate: number; egress_rate: number; inner_rate: number }

export type Row = Rates & {
  id: number
  cidr: string
  name: string
  alias: string
  ingress: Counts
  egress: Counts
  inner: Counts
  hosts: number
  flows_active: number
  retransmission_share: number | null
  rtt_ms: number | null
  score: number
  engaged_alerts: number
  last_seen: string | null
  spark?: (number | null)[]
}

export type Summary = { time: string | null; total: number; page: number; per_page: number; networks: Row[] }

export type Totals = {
  bytes_rate: number
  packets_rate: number
  inbound_rate: number
  outbound_rate: number
  internal_rate: number
  transit_rate: number
  encapsulation_rate: number
  non_ip_rate: number
  undecoded_rate: number
  lost_packets_rate: number
  lost_packets: number
  lost_by_cause: Record<string, number>
  bytes: number
  packets: number
  flows: number
  hosts: number
  engaged_alerts: number
}

export type Tick = { time: string | null; totals: Totals; networks: Row[] }

export type TCP = {
  packets: number
  retransmissions: number
  out_of_order: number
  lost: number
  keep_alive: number
  zero_window: number
  syn: number
  syn_ack: number
}
export type Directions = { ingress: Counts; egress: Counts; inner: Counts }

export type Host = Where & {
  address: string
  network: string
  alias: string
  local: boolean
  bytes_sent: number
  bytes_received: number
  packets_sent: number
  packets_received: number
  flows_client: number
  flows_server: number
  apps: string[]
  last: string | null
}
export type Peer = { network: string; address: string; ingress: number; egress: number }
export type MatrixCell = Counts & { network: string; id: number }

export type Network = Directions & {
  id: number
  cidr: string
  name: string
  alias: string
  broadcast: Directions
  hosts: number
  hosts_capped: boolean
  flows: number
  flows_active: number
  last_seen: string | null
  protocols: Record<string, Directions>
  l4: Record<string, Directions>
  tcp: { ingress: TCP; egress: TCP; inner: TCP }
  rtt: Record<string, number | null> | null
  rates: Rates
  score: number
  engaged_alerts: number
  top_hosts: Host[]
  peers: Peer[]
  matrix_to: MatrixCell[]
  matrix_from: MatrixCell[]
}

export type Where = { asn?: number; as_name?: string; country?: string }
export type End = Where & { address: string; port: number; network: string; alias: string }
export type FlowDirection = Counts & { tcp_flags: string; retransmissions: number; out_of_order: number; lost: number }
export type Flow = {
  client: End
  server: End
  protocol: string
  vlan: number
  app: string
  server_name: string
  state: string
  first: string
  last: string
  from_client: FlowDirection
  from_server: FlowDirection
  server_rtt_ms: number | null
  client_rtt_ms: number | null
}
export type Flows = { total: number; scanned: number; page: number; per_page: number; flows: Flow[] }
export type Hosts = { total: number; scanned: number; capped: boolean; page: number; per_page: number; hosts: Host[] }

export type HistoryField = {
  unit: string
  values: (number | null)[]
  min: number | null
  max: number | null
  mean: number | null
  p95: number | null
  sum: number | null
  recorded: number
}
export type History = {
  network: string
  start: number
  step: number
  resolution: number
  points: number
  fields: Record<string, HistoryField>
}
export type App = { name: string; ingress: number; egress: number; inner: number }
export type Apps = { network: string; step: number; steps: { time: number; apps: App[] }[]; total: App[] }

export type Matrix = {
  networks: { id: number; cidr: string; alias: string; sent: Counts; received: Counts }[]
  cells: (Counts & { src_id: number; dst_id: number })[]
  shown: number
  total: number
  other: Counts
}

export type Remote = Where & { network: string; alias: string; prefix: string; ingress: number; egress: number; flows: number }
export type Remotes = { by: string; groups: string[]; scanned: number; capped: boolean; total: number; pairs: Remote[] }

export type Alert = {
  row_id: number
  status: string
  network: string
  network_name: string
  network_alias: string
  subtype: string
  check: string
  severity: string
  score: number
  time: string
  end: string | null
  description: string
  details: unknown
  counter: number
  label: string
}
export type Alerts = {
  total: number
  page: number
  per_page: number
  alerts: Alert[]
  store: { failing: boolean; queued: number; last_error: string }
}

export type Check = {
  check: string
  file: string
  shipped: boolean
  style: string
  hooks: string[]
  enabled: boolean
  state: string
  until: string | null
  load_error: string
  last_error: string
  runs: Record<string, number>
  last_run: string | null
  last_success: string | null
  last_seconds: number
  alerts_engaged: number
}
export type Checks = { checks: Check[] }

export type Report = {
  capture: Counts & { captured_bytes: number; truncated_packets: number; first: string | null; last: string | null }
  scopes: Record<string, Counts>
  undecoded_reasons: Record<string, Counts>
  flows: { active: number; capacity: number; untracked: Counts; ended: Record<string, number>; total: number }
  hosts: { active: number; refused: number }
  errors: { file: string; offset: number; error: string }[]
}

export type Problem = { title: string; status: number; detail?: string; column?: number }
