import type { DashboardClient, TerminalViewOptions } from '@fleetwire/client'
import t from 'tap'
import { TerminalView } from './terminal-view.ts'

/** A view of the agent's newest terminal, and the handlers that the client calls. */
async function opened() {
  let told: TerminalViewOptions | undefined
  const client = {
    openTerminal: (options: TerminalViewOptions) => {
      told = options
      return { close() {} }
    },
  }
  const view = new TerminalView(client as unknown as DashboardClient, { agentId: 'a', mode: 'bytes' })
  view.attach({ write() {}, snapshot() {} })
  await Promise.resolve()
  const snapshot = (terminalId: string) =>
    told?.onSnapshot?.({ agentId: 'a', terminalId, cols: 80, rows: 24, offset: 0, screen: '', title: '' })
  return { view, told: () => told!, snapshot }
}

t.test('the exit of a terminal is not the exit of the next one', async t => {
  const { view, told, snapshot } = await opened()
  snapshot('one')
  told().onExit?.({ exitCode: 1 })
  t.match(view.get(), { state: 'exited', terminalId: 'one', exit: { exitCode: 1 } })
  snapshot('one')
  t.equal(view.get().state, 'exited', 'the same terminal after a reconnect')
  snapshot('two')
  t.match(view.get(), { state: 'open', terminalId: 'two' })
  t.equal(view.get().exit, undefined)
})

t.test('another program in a terminal of the same id', async t => {
  const { view, told, snapshot } = await opened()
  snapshot('main')
  told().onExit?.({ exitCode: 0 })
  told().onOutput?.(new Uint8Array([65]), { offset: 0 })
  t.match(view.get(), { state: 'open', exit: undefined })
})
