import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { startAgUiAgent } from '../helpers/ag-ui-agent.ts'
import { fleetwire, freePort } from '../helpers/processes.ts'
import { some } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

/** A server and an AG-UI agent as processes on this machine; the server may be killed and started again. */
async function stage(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'fleetwire-ag-ui-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = String(await freePort())
  const env = { FLEETWIRE_URL: `http://127.0.0.1:${port}`, FLEETWIRE_DATA_DIR: join(folder, 'data') }
  const journal = join(folder, 'journal')
  return {
    folder,
    /** Resolves when so many sockets are open. */
    connected: async (count: number) => {
      const token = (await fleetwire(t, ['token', '--role', 'admin'], env, folder).ended).stdout.trim()
      await until(async () => {
        const answer = await fetch(`${env.FLEETWIRE_URL}/api/v1/connections`, {
          headers: { authorization: `Bearer ${token}` },
        })
        return ((await answer.json()) as { items: unknown[] }).items.length >= count
      })
    },
    run: (args: string[]) => fleetwire(t, args, env, folder),
    serve: async () => {
      const server = fleetwire(t, ['serve', '--port', port], env, folder)
      await server.printed(new RegExp(`:${port}`))
      return server
    },
    agent: async (url: string, ...more: string[]) => {
      const agent = fleetwire(t, ['agent', 'ag-ui', '--id', 'a1', '--journal', journal, ...more, url], env, folder)
      await agent.printed(/is connected/)
      return agent
    },
  }
}

test('a server that is killed with -9 in mid-run loses nothing of an AG-UI agent', async t => {
  const { serve, agent, run, connected } = await stage(t)
  const words = Array.from({ length: 60 }, (_, i) => `word${i} `)
  const upstream = await startAgUiAgent(t, turn => {
    turn.start()
    turn.send({ type: 'TEXT_MESSAGE_START', messageId: 'm1' })
    for (const delta of words.slice(0, 30)) turn.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm1', delta })
  })
  const first = await serve()
  const bridge = await agent(upstream.url)
  const tail = run(['tail', 'agents.a1.sessions.>'])
  await tail.printed(/following/)
  const sent = run(['send', 'a1', '--kind', 'prompt', '--wait', 'tell me'])
  await tail.printed(/word29/)
  // Those of the agent, the tail and the sender, who may still be on the way.
  await connected(3)
  await first.kill('SIGKILL')
  await bridge.printed(/no connection/)
  const [turn] = upstream.turns
  // Said while there is no server.
  for (const delta of words.slice(30)) turn!.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm1', delta })
  turn!.send({ type: 'TEXT_MESSAGE_END', messageId: 'm1' })
  turn!.finish()
  await serve()
  const { code, stdout, stderr } = await sent.ended
  t.equal(code, 0, stderr)
  t.equal(stdout.split('\n')[0], words.join(''))
  t.equal(upstream.turns.length, 1, 'one run')
})

test('a bridge that is killed with -9 tells the truth of its run, and keeps the conversation; Ctrl-C ends it and its request', async t => {
  const { serve, agent, run, folder } = await stage(t)
  const upstream = await startAgUiAgent(t, (turn, n) => {
    turn.start()
    if (n === 2 || n === 4) return
    turn.say('m1', `answer ${n}`)
    turn.finish()
  })
  await serve()
  const headers = join(folder, 'headers')
  writeFileSync(headers, '# of the agent\nAuthorization: Bearer first\r\n')
  const first = await agent(upstream.url, '--header-file', headers, '--header', 'X-Team=blue=ish')
  const send = (text: string) => run(['send', 'a1', '--kind', 'prompt', '--session', 's1', '--wait', text]).ended
  t.match(await send('one'), { code: 0, stdout: /answer 1/ })
  t.match(upstream.turns[0]!.headers, { authorization: 'Bearer first', 'x-team': 'blue=ish' })
  writeFileSync(headers, 'Authorization: Bearer second\n')
  const lost = send('two')
  await until(() => upstream.turns.length === 2)
  await first.kill('SIGKILL')
  await upstream.turns[1]!.closed
  const bridge = await agent(upstream.url, '--header-file', headers)
  t.match(await lost, { code: 1, stderr: / lost: agent_lost_it/ })
  t.match(await send('three'), { code: 0, stdout: /answer 3/ })
  t.match(upstream.turns[2]!.headers, { authorization: 'Bearer second' })
  t.match(
    upstream.inputs.items[2]!.messages.map(({ content }) => content),
    ['one', 'answer 1', 'two', 'three'],
    'what was asked is known; how far the answer got is not',
  )
  const stopped = send('four')
  await until(() => upstream.turns.length === 4)
  bridge.child.kill('SIGINT')
  await upstream.turns[3]!.closed
  t.match(await bridge.ended, { code: 0 })
  t.match(await stopped, { code: 130 })
})

test('mistakes are told at the start', async t => {
  const { run, folder } = await stage(t)
  const flawed = join(folder, 'flawed')
  writeFileSync(flawed, 'Authorization: Bearer x\nsecret-without-a-name\n')
  const mistakes: [string[], RegExp][] = [
    [['ftp://127.0.0.1'], /Not an http\(s\) URL/],
    [['--header', 'nothing', 'http://127.0.0.1'], /name=value/],
    [['--header', 'Content-Type=x', 'http://127.0.0.1'], /set by the protocol/],
    [['--header', 'X=a\nb', 'http://127.0.0.1'], /characters that no header may have/],
    [['--header-file', flawed, 'http://127.0.0.1'], /flawed, line 2: it is not "Name: value"/],
    [['--header-file', join(folder, 'none'), 'http://127.0.0.1'], /none cannot be read: ENOENT/],
    [['--forwarded-props', flawed, 'http://127.0.0.1'], /flawed is no JSON/],
  ]
  for (const [args, message] of some('AG_UI_MISTAKES', 4, mistakes)) {
    const ended = await run(['agent', 'ag-ui', '--id', 'a1', ...args]).ended
    t.match(ended, { code: 2, stderr: message })
    t.notMatch(ended.stderr, 'secret-without')
  }
})
