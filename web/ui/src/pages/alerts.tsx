import { useEffect, useState } from 'preact/hooks'
import { alertChanges, getText, post, useAPI } from '../api'
import { clock, count, millis } from '../format'
import { Failure, FilterBox, NetworkLink, Pages } from '../parts'
import { go, href, place } from '../state'
import type { Alerts as List, Check, Checks as CheckList } from '../types'

const perPage = 50

export function Alerts() {
  const { network = '', check = '', status = 'any', filter = '', page = '1' } = place.value.params
  const [again, setAgain] = useState(0)
  const [failed, setFailed] = useState<Error>()
  const list = useAPI<List>('alerts', { network, check, status, filter, page, per_page: perPage, order_by: 'time', order: 'desc' }, 30, again + alertChanges.value)
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
        <FilterBox hint="net:office score>50 check:*scan* flood" />
        {check && <span>by <a href={href('checks', { check })}>{check}</a> <button type="button" onClick={() => go({ check: undefined })}>all checks</button></span>}
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
                <td><NetworkLink cidr={a.network} name={a.network_alias || a.network_name} /></td>
                <td class="fold"><a href={href('checks', { check: a.check })}>{a.check}</a>{a.subtype && <span class="soft"> {a.subtype}</span>}</td>
                <td class="wide">{a.description}{a.details !== null && typeof a.details === 'object' && Object.keys(a.details).length > 0 && <details><summary>Details</summary><code>{JSON.stringify(a.details)}</code></details>}</td>
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
  const { check } = place.value.params
  const off = list.error && 'status' in list.error && list.error.status === 404
  const shown = list.data?.checks.find((c) => c.check === check)
  return (
    <>
      <header class="head"><h1>Checks</h1></header>
      {off ? <p class="empty">Checks are off.</p> : <Failure of={list} />}
      {check && list.data && (shown ? <Source key={check} check={shown} /> : <p class="failure" role="alert">There is no check {check}.</p>)}
      <div class="scroll" tabIndex={0} role="region" aria-label="Checks">
        <table class="rows">
          <caption class="hidden">Checks</caption>
          <thead><tr><th scope="col">Check</th><th scope="col">Runs</th><th scope="col">State</th><th scope="col">Last run</th><th scope="col" class="number">Took</th><th scope="col" class="number">OK</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Alerts</th><th scope="col">Error</th></tr></thead>
          <tbody>
            {list.data?.checks.map((c) => (
              <tr key={c.check}>
                <td title={c.file}><a href={href('checks', { check: c.check })} aria-current={c.check === check ? 'true' : undefined}>{c.check}</a>{c.shipped ? '' : ' (yours)'}</td>
                <td>{c.hooks.join(', ')}</td>
                <td><span class={'severity ' + (c.state === 'ok' ? 'info' : c.enabled ? 'error' : 'none')}>{c.enabled ? c.state : 'off'}</span></td>
                <td>{clock(c.last_run)}</td>
                <td class="number">{c.last_run ? millis(c.last_seconds * 1000) : '–'}</td>
                <td class="number">{count(c.runs.ok)}</td>
                <td class="number">{count(Object.entries(c.runs).reduce((s, [k, v]) => (k === 'ok' || k === 'skipped' ? s : s + v), 0))}</td>
                <td class="number">{c.alerts_engaged ? <a href={href('alerts', { check: c.check })}>{count(c.alerts_engaged)}</a> : '0'}</td>
                <td class="wide">{c.load_error || c.last_error}</td>
              </tr>
            ))}
            {list.data?.checks.length === 0 && <tr><td colSpan={9} class="empty">There is no check.</td></tr>}
          </tbody>
        </table>
      </div>
    </>
  )
}

// Source shows a check's text.
function Source({ check }: { check: Check }) {
  const [text, setText] = useState<string>()
  const [error, setError] = useState<Error>()
  useEffect(() => {
    const abort = new AbortController()
    getText('checks/source', { check: check.check }, abort.signal).then(setText, (e) => abort.signal.aborted || setError(e))
    return () => abort.abort()
  }, [])
  return (
    <section class="source" aria-labelledby="source">
      <div class="head">
        <h2 id="source">{check.check}</h2>
        <span class="soft">{check.file}</span>
        <a href={href('checks')}>Close</a>
      </div>
      {check.load_error && <p class="failure">{check.load_error}</p>}
      <Failure of={{ error, loading: false }} />
      {text !== undefined && <pre tabIndex={0} aria-label={'Source of ' + check.check}>{text}</pre>}
    </section>
  )
}
