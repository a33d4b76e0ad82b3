import type { SessionUpdate } from '@agentclientprotocol/sdk'
import { test } from 'tap'
import { SessionStore } from '../../../src/acp/session-store.ts'
import { Sessions } from '../../../src/acp/sessions.ts'

test('the plan of a session that is closed for others is ended, and its tasks are not forgotten', async t => {
  const store = new SessionStore(t.testdir(), 'a1', message => t.fail(message))
  const reports: [type: string, taskId: string][] = []
  const report = (type: string, { taskId }: { taskId: string }) => void reports.push([type, taskId])
  let closed = (_acpId: string) => {}
  const closing = new Promise<string>(resolve => {
    closed = resolve
  })
  const answers: Record<string, (params: { sessionId: string }) => object> = {
    'session/new': () => ({ sessionId: `acp_${++ids}` }),
    'session/resume': () => ({}),
    'session/close': ({ sessionId }) => {
      closed(sessionId)
      return {}
    },
  }
  let ids = 0
  const peer = {
    gone: new AbortController().signal,
    request: async (method: string, params: { sessionId: string }) => answers[method]!(params),
  }
  const sessions = new Sessions({
    ...{ store, cwd: '/', mode: undefined, newId: () => `${++ids}`, say: text => t.fail(text) },
    ...{ peer: () => peer as never, client: () => ({ report }) as never },
    ...{ onUnstoppable() {}, exit: async () => '', onClosed: async () => {} },
  })
  sessions.initialized({ agentCapabilities: { sessionCapabilities: { close: {}, resume: {} } } } as never)
  const open = (sessionId: string) => sessions.ofRun({ sessionId } as never)
  const plan = (content: string): SessionUpdate => ({
    sessionUpdate: 'plan',
    entries: [{ content, priority: 'medium', status: 'pending' }],
  })

  const first = await open('s1')
  first.apply(plan('Read'))
  const [[, planned]] = reports as [[string, string]]
  t.same(reports.splice(0), [['task:create', planned]])
  for (let n = 2; n <= 65; n++) await open(`s${n}`)
  t.equal(await closing, first.acpId)
  t.same(reports.splice(0), [['task:cancel', planned]])

  const again = await open('s1')
  t.equal(again.acpId, first.acpId)
  again.apply(plan('Write'))
  const [[, replanned]] = reports as [[string, string]]
  t.same(reports, [['task:create', replanned]])
  t.same(store.takeOpenTasks(), [replanned], 'nothing else is open')
})
