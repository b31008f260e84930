import { useState } from 'preact/hooks'
import { post, useAPI } from '../api'
import { clock, count } from '../format'
import { Failure, NetworkLink, Pages } from '../parts'
import { go, href, place } from '../state'
import type { Alerts as List, Checks as CheckList } from '../types'

const perPage = 50

export function Alerts() {
  const { network = '', status = 'any', text = '', page = '1' } = place.value.params
  const [again, setAgain] = useState(0)
  const [failed, setFailed] = useState<Error>()
  const list = useAPI<List>('alerts', { network, status, text, page, per_page: perPage, order_by: 'time', order: 'desc', ...(again ? {} : {}) }, 5)
  const acknowledge = async (id: number) => {
    try {
      await post('alerts/acknowledge', { row_ids: [id], label: 'seen' })
      setFailed(undefined)
      setAgain(again + 1)
    } catch (e) {
      setFailed(e as Error)
    }
  }
  return (
    <>
      <header class="head">
        <h1>Alerts</h1>
        <label>Status{' '}
          <select value={status} onChange={(e) => go({ status: e.currentTarget.value, page: undefined })}>
            <option value="any">all</option>
            <option value="engaged">engaged</option>
            <option value="historical">past</option>
            <option value="acknowledged">acknowledged</option>
          </select>
        </label>
        <form class="filter" role="search" onSubmit={(e) => { e.preventDefault(); go({ text: (e.currentTarget.elements.namedItem('words') as HTMLInputElement).value, page: undefined }) }}>
          <label for="words">Words</label>
          <input id="words" name="words" type="search" defaultValue={text} placeholder="in descriptions; flood*" />
          <button type="submit">Search</button>
        </form>
        {network && <span>of <NetworkLink cidr={network} /> <button type="button" onClick={() => go({ network: undefined })}>all networks</button></span>}
      </header>
      <Failure of={list} />
      <Failure of={{ error: failed, loading: false }} />
      {list.data?.store.failing && <p class="failure" role="alert">The disk does not take alerts: {list.data.store.last_error}. {count(list.data.store.queued)} wait in memory.</p>}
      {list.data && <Pages total={list.data.total} page={list.data.page} perPage={perPage} what="alerts" />}
      <div class="scroll" tabIndex={0} role="region" aria-label="Alerts">
        <table class="rows">
          <caption class="hidden">Alerts</caption>
          <thead><tr><th scope="col">Severity</th><th scope="col">Network</th><th scope="col">Check</th><th scope="col">Description</th><th scope="col">From</th><th scope="col">To</th><th scope="col" class="number">Score</th><th scope="col">State</th></tr></thead>
          <tbody>
            {list.data?.alerts.map((a) => (
              <tr key={a.row_id}>
                <td><span class={'severity ' + a.severity}>{a.severity}</span></td>
                <td><NetworkLink cidr={a.network} name={a.network_name} /></td>
                <td><a href={href('checks')}>{a.check}</a></td>
                <td>{a.description}</td>
                <td>{clock(a.time)}</td>
                <td>{a.end ? clock(a.end) : ''}</td>
                <td class="number">{a.score}</td>
                <td>{a.status === 'historical' ? <button type="button" onClick={() => acknowledge(a.row_id)}>Acknowledge</button> : a.status === 'acknowledged' ? 'acknowledged: ' + a.label : 'engaged'}</td>
              </tr>
            ))}
            {list.data?.alerts.length === 0 && <tr><td colSpan={8} class="empty">No alert fits.</td></tr>}
          </tbody>
        </table>
      </div>
    </>
  )
}

export function Checks() {
  const list = useAPI<CheckList>('checks', {}, 5)
  return (
    <>
      <header class="head"><h1>Checks</h1></header>
      <Failure of={list} />
      <div class="scroll" tabIndex={0} role="region" aria-label="Checks">
        <table class="rows">
          <caption class="hidden">Checks</caption>
          <thead><tr><th scope="col">Check</th><th scope="col">Runs</th><th scope="col">State</th><th scope="col">Last run</th><th scope="col" class="number">Took</th><th scope="col" class="number">OK</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Alerts</th><th scope="col">Error</th></tr></thead>
          <tbody>
            {list.data?.checks.map((c) => (
              <tr key={c.check}>
                <td title={c.file}>{c.check}{c.shipped ? '' : ' (yours)'}</td>
                <td>{c.hooks.join(', ')}</td>
                <td><span class={'severity ' + (c.state === 'ok' ? 'info' : c.enabled ? 'error' : 'none')}>{c.enabled ? c.state : 'off'}</span></td>
                <td>{clock(c.last_run)}</td>
                <td class="number">{(c.last_seconds * 1000).toFixed(1)} ms</td>
                <td class="number">{count(c.runs.ok)}</td>
                <td class="number">{count(Object.entries(c.runs).reduce((s, [k, v]) => (k === 'ok' || k === 'skipped' ? s : s + v), 0))}</td>
                <td class="number">{count(c.alerts_engaged)}</td>
                <td>{c.load_error || c.last_error}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}
