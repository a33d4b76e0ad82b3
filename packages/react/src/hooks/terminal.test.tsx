import '../testing/dom.ts'
import { useEffect } from 'react'
import t from 'tap'
import { type TerminalSink, useTerminal } from '../index.ts'
import { ScriptedFleet } from '../testing/scripted-fleet.ts'
import { frame, probe } from '../testing/show.tsx'

const of = { agentId: 'a1', terminalId: 'main' }
const screenAt = (offset: number, more: object = {}) => ({
  type: 'terminal:snapshot',
  payload: { ...of, cols: 80, rows: 24, offset, screen: `screen at ${offset}`, title: 'sh', ...more },
})
const output = (offset: number, data: string, more: object = {}) => ({
  type: 'terminal:output',
  payload: { ...of, offset, data, encoding: 'utf8', ...more },
})

function sinkOf() {
  const shown: string[] = []
  const drawn: (() => void)[] = []
  const sink: TerminalSink = {
    write(bytes) {
      shown.push(new TextDecoder().decode(bytes).slice(0, 20))
      return new Promise(resolve => drawn.push(resolve))
    },
    snapshot: ({ screen }) => void shown.push(screen),
    gap: bytes => shown.push(`gap of ${bytes}`),
    resize: ({ cols, rows }) => shown.push(`${cols}x${rows}`),
  }
  return { shown, drawn, sink }
}

t.test('it opens with the sink, once under StrictMode, and closes with it', async t => {
  const fleet = new ScriptedFleet()
  fleet.answers = { 'terminal:input': { ok: true }, 'terminal:resize': { ok: true } }
  const { shown, sink } = sinkOf()
  const opened = () => fleet.sent.filter(({ type }) => type === 'terminal:open')
  const hook = probe(t, fleet.client, () => {
    const terminal = useTerminal({ agentId: 'a1' })
    const { attach } = terminal
    useEffect(() => attach(sink), [attach])
    return terminal
  })
  await hook.until(({ state }) => state === 'opening' && opened().length === 1)
  fleet.say(screenAt(10))
  await hook.until(({ state, terminalId, title }) => state === 'open' && terminalId === 'main' && title === 'sh')
  fleet.say(output(10, 'ls\r\n'))
  fleet.say({ type: 'terminal:resize', payload: { ...of, cols: 100, rows: 30 } })
  fleet.say(output(20, 'later', { gap: { from: 14, to: 20 } }))
  t.same(shown, ['screen at 10', 'ls\r\n', '100x30', 'gap of 6', 'later'])
  const { length } = hook.seen
  t.match(await hook.now().input('pwd\r'), { ok: true })
  t.match(await hook.now().resize(90, 20), { ok: true })
  t.match(fleet.sent.find(({ type }) => type === 'terminal:input')?.payload, { ...of, data: 'pwd\r' })
  t.equal(hook.seen.length, length, 'output and input render nothing')
  fleet.say({ type: 'terminal:exit', payload: { ...of, exitCode: 3 } })
  await hook.until(({ state, exit }) => state === 'exited' && exit?.exitCode === 3)
  fleet.say(screenAt(0, { terminalId: 'next' }))
  await hook.until(({ state, terminalId, exit }) => state === 'open' && terminalId === 'next' && exit === undefined)
  t.equal(opened().length, 1)
  hook.unmount()
  await frame()
  t.equal(fleet.sent.filter(({ type }) => type === 'terminal:close').length, 1)
})

t.test('bytes are acknowledged when they are drawn', async t => {
  const fleet = new ScriptedFleet()
  const { drawn, sink } = sinkOf()
  const hook = probe(t, fleet.client, () => useTerminal({ ...of, mode: 'bytes' }))
  hook.now().attach(sink)
  await hook.until(({ state }) => state === 'opening')
  await frame()
  fleet.say(screenAt(0))
  for (let i = 0; i < 3; i++) fleet.say(output(i * 65_536, 'x'.repeat(65_536)))
  const acks = () => fleet.sent.filter(({ type }) => type === 'terminal:ack').map(({ payload }) => payload.offset)
  await frame()
  t.same(acks(), [])
  drawn[0]!()
  await frame()
  await frame()
  t.same(acks(), [65_536])
})

t.test('a preview asks for whole screens; what is refused is an error; without a sink nothing is typed', async t => {
  const fleet = new ScriptedFleet()
  fleet.answers = {
    'terminal:open': { ok: false, error: { code: 'not_found', message: 'no terminal', retryable: false } },
  }
  const { sink } = sinkOf()
  const hook = probe(t, fleet.client, () => useTerminal({ agentId: 'a1', mode: 'snapshot' }))
  t.match(await hook.now().input('x'), { ok: false })
  t.equal(hook.now().state, 'idle')
  const detach = hook.now().attach(sink)
  await hook.until(({ state, error }) => state === 'error' && error?.code === 'not_found')
  t.match(fleet.sent.find(({ type }) => type === 'terminal:open')?.payload, { agentId: 'a1', mode: 'snapshot' })
  detach()
  await hook.until(({ state }) => state === 'idle')
})
