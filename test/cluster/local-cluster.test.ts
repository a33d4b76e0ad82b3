import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { fleetwireHere } from '../helpers/cli-here.ts'
import { findServer } from '../helpers/nats-cluster.ts'
import { fleetwire } from '../helpers/processes.ts'
import { isFull } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

// Six processes, four times, on a machine that also runs everything else.
t.setTimeout(600_000)

t.test('fleetwire cluster outlives the active node, ends as a whole, and continues where it was', async t => {
  const NATS_SERVER = findServer(t)
  if (NATS_SERVER === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'fleetwire-cluster-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const start = async () => {
    const cluster = fleetwire(t, ['cluster', '--port', '0', '--data-dir', folder, '--local-agent'], { NATS_SERVER })
    const [output] = await cluster.printed(/[\s\S]*Ctrl-C ends everything/)
    const [, url] = /nodes listens at (\S+),/.exec(output)!
    const pids = new Map(
      [...output.matchAll(/^ {2}(\w+-\d) +pid (\d+)/gm)].map(([, name, pid]) => [name!, Number(pid)]),
    )
    const [, active] = /^ {2}(\S+) .*active: it decides$/m.exec(output)!
    t.equal(pids.size, 6, output)
    t.match(output, /#login=[\w-]/)
    const env = { FLEETWIRE_URL: url!, FLEETWIRE_DATA_DIR: folder }
    const run = (...args: string[]) => fleetwireHere(t, args, { env, folder }).ended
    return { cluster, pids, active: active!, run }
  }
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }

  const first = await start()
  await first.cluster.printed(/agent "local" is connected/)
  await until(async () => /local +online/.test((await first.run('ps')).stdout))
  const args = ['cluster', '--port', '0', '--data-dir', folder]
  const other = fleetwireHere(t, args, { env: { NATS_SERVER }, folder })
  t.match(await other.ended, { code: 1, stderr: /Process \d+ already runs a cluster in / })

  process.kill(first.pids.get(first.active)!, 'SIGKILL')
  await first.cluster.printed(new RegExp(`${first.active} has ended \\(SIGKILL\\)\\. It starts again`))
  const [, next] = await first.cluster.printed(/(node-\d) is the active node now; before, it was/)
  t.not(next, first.active)
  await until(async () => /local +online/.test((await first.run('ps')).stdout))
  process.kill(first.pids.get('nats-1')!, 'SIGKILL')
  await first.cluster.printed(/nats-1 has ended \(SIGKILL\)\. It starts again/)
  // In a quick run, the tests of nodes that share a port cover the restart of a node.
  if (isFull) await first.cluster.printed(new RegExp(`${first.active} accepts clients`))

  first.cluster.child.kill('SIGINT')
  t.equal((await first.cluster.ended).code, 0, first.cluster.output())
  for (const [name, pid] of first.pids) t.equal(isAlive(pid), false, `${name} has ended`)

  const second = await start()
  await until(async () => /^local /m.test((await second.run('ps')).stdout))
  // Once killed, its own process cannot end the others.
  await second.cluster.kill('SIGKILL')
  for (const [name, pid] of second.pids) if (name.startsWith('node')) await until(() => !isAlive(pid))
  if (!isFull) {
    for (const [name, pid] of second.pids) if (name.startsWith('nats')) process.kill(pid, 'SIGKILL')
    return
  }
  const third = await start()
  for (const [name, pid] of second.pids) t.equal(isAlive(pid), false, `${name} of the previous cluster has ended`)
  third.cluster.child.kill('SIGTERM')
  t.equal((await third.cluster.ended).code, 0)
})

t.test('without a nats-server, fleetwire cluster says how to get one', async t => {
  const program = join(t.testdir(), 'nats-server')
  const folder = t.testdirName
  const ask = (env: Record<string, string>) =>
    fleetwireHere(t, ['cluster', '--port', '0', '--data-dir', folder], { env, folder }).ended
  const missing = {
    code: 127,
    stderr: /nats-server-?\S* (was not found|does not run).*install-nats-server\.sh.*NATS_SERVER=/,
  }
  t.match(await ask({ NATS_SERVER: program }), missing)
  t.match(await ask({ PATH: t.testdirName, XDG_CACHE_HOME: t.testdirName }), missing)
  writeFileSync(program, '#!/bin/sh\necho nats-server: v2.9.10\n', { mode: 0o755 })
  t.match(await ask({ NATS_SERVER: program }), {
    code: 127,
    stderr: /v2\.9\.10; the oldest supported version is 2\.12/,
  })
})
