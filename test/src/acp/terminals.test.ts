import { type Test, test } from 'tap'
import { KeptOutput } from '../../../src/acp/kept-output.ts'
import { Terminals } from '../../../src/acp/terminals.ts'
import { hasEnded, readStat } from '../../../src/exec/proc.ts'
import { realFolder } from '../../helpers/acp.ts'
import { until } from '../../helpers/until.ts'

async function start(t: Test, timeoutMs = 60_000) {
  const cwd = await realFolder(t)
  let ids = 0
  const seen: string[] = []
  const terminals = new Terminals({
    env: { PATH: process.env.PATH ?? '', SECRET: 'no' },
    newId: () => `${++ids}`,
    openTerminal: ({ terminalId }) => ({
      write: bytes => void seen.push(`${terminalId}: ${Buffer.from(bytes)}`),
      exit: exit => void seen.push(`${terminalId} ${JSON.stringify(exit)}`),
    }),
    timeoutMs,
  })
  t.teardown(() => terminals.end())
  const forever = new AbortController().signal
  return {
    terminals,
    seen,
    create: (command: string, more: object = {}) => terminals.create({ sessionId: 's', command, cwd, ...more }),
    wait: (id: string) => terminals.waitForExit('s', id, forever),
  }
}

test('a command runs, can be watched, and leaves its output and exit code', async t => {
  const { create, wait, terminals, seen } = await start(t)
  const id = await create('printf', { args: ['%s\n', 'a b', '$HOME'] })
  t.same(await wait(id), { exitCode: 0, signal: null })
  t.same(terminals.output('s', id), {
    output: 'a b\n$HOME\n',
    truncated: false,
    exitStatus: { exitCode: 0, signal: null },
  })
  t.same(seen, [`${id}: a b\r\n$HOME\r\n`, `${id} {"exitCode":0}`])
  await terminals.release('s', id)
  t.throws(() => terminals.output('s', id), { code: -32002 })
})

test('a shell runs a line that has no separate arguments; stdin is empty', async t => {
  const { create, wait, terminals } = await start(t)
  const id = await create('cat; echo "$A" && exit 4', { env: [{ name: 'A', value: 'x' }] })
  t.match(await wait(id), { exitCode: 4 })
  t.equal(terminals.output('s', id).output, 'x\n')
})

test('a command that cannot run is refused', async t => {
  const { create, terminals } = await start(t)
  await t.rejects(create('no-such-program'), { code: -32602, message: /There is no program "no-such-program"/ })
  await t.rejects(create('no-such', { args: ['a b'] }), { code: -32602 })
  await t.rejects(create('echo', { args: ['a\0b'] }), { code: -32602 })
  for (const name of ['', 'a b', 'A=B', '1A', 'A\0'])
    await t.rejects(create('env', { env: [{ name, value: '' }] }), { code: -32602 }, JSON.stringify(name))
  await t.rejects(create('x'.repeat(3_000_000), { args: ['y'] }), { code: -32602 })
  const id = await create('sleep', { args: ['60'] })
  t.throws(() => terminals.output('another session', id), { code: -32002 })
})

test('only the end of a long output is kept', async t => {
  const { create, wait, terminals } = await start(t)
  const id = await create('seq 100000; printf ééé', { outputByteLimit: 5 })
  await wait(id)
  t.match(terminals.output('s', id), { output: 'éé', truncated: true }, 'no partial character')
  const all = await create('seq 400000')
  await wait(all)
  const { output, truncated } = terminals.output('s', all)
  t.equal(Buffer.byteLength(output), 1024 * 1024)
  t.ok(truncated)
})

test('a command and everything it started end when killed, on timeout, and with the session', async t => {
  const { create, terminals } = await start(t)
  const pids = (id: string) =>
    until(() =>
      terminals
        .output('s', id)
        .output.match(/^(\d+) (\d+)\n/)
        ?.slice(1)
        .map(Number),
    )
  const stubborn = 'trap "" INT TERM; sleep 600 & echo $$ $!; wait'
  const killed = await create(stubborn)
  const processes = await pids(killed)
  await terminals.kill('s', killed)
  t.match(terminals.output('s', killed), { exitStatus: { signal: 'SIGKILL' } })
  for (const pid of processes) {
    const stat = readStat(pid)
    t.ok(stat === undefined || hasEnded(stat))
  }

  const ofAnother = await terminals.create({ sessionId: 'other', command: 'sleep 600', cwd: '/' })
  const mine = await create('sleep 600')
  await terminals.end('s')
  t.throws(() => terminals.output('s', mine), { code: -32002 })
  t.same(terminals.output('other', ofAnother), { output: '', truncated: false })
  const gone = new AbortController()
  const waits = terminals.waitForExit('other', ofAnother, gone.signal)
  gone.abort(new Error('withdrawn'))
  await t.rejects(waits, { message: 'withdrawn' })

  const short = await start(t, 200)
  const id = await short.create('sleep 600')
  t.match(await short.wait(id), { signal: 'SIGINT' })
})

test('there are at most 32', async t => {
  const { create } = await start(t)
  const made = await Promise.allSettled(Array.from({ length: 34 }, () => create('sleep', { args: ['600'] })))
  t.equal(made.filter(({ status }) => status === 'fulfilled').length, 32)
  await t.rejects(create('true'), { code: -32602, message: /already 32 terminals/ })
})

test('truncated output begins with a complete character', t => {
  for (let limit = 0; limit < 12; limit++) {
    const kept = new KeptOutput(limit)
    for (const byte of Buffer.from('aé✓😀b')) kept.append(Buffer.from([byte]))
    const { output } = kept.read()
    if (output.includes('\ufffd') || !'aé✓😀b'.endsWith(output)) t.fail(`${limit}: ${output}`)
  }
  t.end()
})
