import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '@fleetwire/protocol'
import { test } from 'tap'
import { startAgUiAgent } from '../helpers/ag-ui-agent.ts'
import { emptyFolder, run, startForCli } from '../helpers/cli.ts'
import { some } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

test('a bridge killed with -9 reports its run as lost and keeps the conversation; Ctrl-C ends it and its request', async t => {
  const { start, as, admin, call } = await startForCli(t)
  const upstream = await startAgUiAgent(t, (turn, n) => {
    turn.start()
    if (n === 2 || n === 4) return
    turn.say('m1', `answer ${n}`)
    turn.finish()
  })
  const folder = await emptyFolder(t)
  const headers = join(folder, 'headers')
  writeFileSync(headers, '# of the agent\nAuthorization: Bearer first\r\n')
  const env = await as('agent', 'a1')
  const agent = async (...more: string[]) => {
    const args = ['--id', 'a1', '--journal', join(folder, 'journal'), '--header-file', headers, ...more]
    const bridge = start(['agent', 'ag-ui', ...args, upstream.url], env)
    await bridge.printed(/is connected/)
    return bridge
  }
  const first = await agent('--header', 'X-Team=blue=ish')
  const send = async (input: string) => {
    const prompt = { kind: 'prompt', input, sessionId: 's1' }
    return (await call<Command>(admin, 'POST', '/api/v1/agents/a1/commands?wait=60', prompt)).body
  }
  t.match(await send('one'), { status: 'succeeded' })
  t.match(upstream.turns[0]!.headers, { authorization: 'Bearer first', 'x-team': 'blue=ish' })
  writeFileSync(headers, 'Authorization: Bearer second\n')
  const lost = send('two')
  await until(() => upstream.turns.length === 2)
  await first.kill('SIGKILL')
  await upstream.turns[1]!.closed
  const bridge = await agent()
  t.match(await lost, { status: 'lost', reason: 'agent_lost_it' })
  t.match(await send('three'), { status: 'succeeded' })
  t.match(upstream.turns[2]!.headers, { authorization: 'Bearer second' })
  t.match(
    upstream.inputs.items[2]!.messages.map(({ content }) => content),
    ['one', 'answer 1', 'two', 'three'],
    'the earlier input is kept; how far its answer got is unknown',
  )
  const stopped = send('four')
  await until(() => upstream.turns.length === 4)
  bridge.child.kill('SIGINT')
  await upstream.turns[3]!.closed
  t.match(await bridge.ended, { code: 0 })
  t.match(await stopped, { status: 'cancelled' })
})

test('errors in the arguments are reported at the start', async t => {
  const folder = await emptyFolder(t)
  const flawed = join(folder, 'flawed')
  writeFileSync(flawed, 'Authorization: Bearer x\nsecret-without-a-name\n')
  const mistakes: [string[], RegExp][] = [
    [['ftp://127.0.0.1'], /Not an http\(s\) URL/],
    [['--header', 'nothing', 'http://127.0.0.1'], /name=value/],
    [['--header', 'Content-Type=x', 'http://127.0.0.1'], /set by the protocol/],
    [['--header', 'X=a\nb', 'http://127.0.0.1'], /characters that are not allowed in a header/],
    [['--header-file', flawed, 'http://127.0.0.1'], /flawed, line 2: it is not "Name: value"/],
    [['--header-file', join(folder, 'none'), 'http://127.0.0.1'], /none cannot be read: ENOENT/],
    [['--forwarded-props', flawed, 'http://127.0.0.1'], /flawed is not valid JSON/],
  ]
  for (const [args, message] of some('AG_UI_MISTAKES', 3, mistakes)) {
    const ended = await run(t, ['agent', 'ag-ui', '--id', 'a1', ...args])
    t.match(ended, { code: 2, stderr: message })
    t.notMatch(ended.stderr, 'secret-without')
  }
})
