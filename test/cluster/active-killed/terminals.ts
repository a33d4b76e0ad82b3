import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DashboardClient } from '@fleetwire/client/node'
import type { Command } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { SECRET } from '../../helpers/build.ts'
import type { NodeProcess, OpenNode } from '../../helpers/cluster-nodes.ts'
import { hmacToken } from '../../helpers/foreign-token.ts'
import { temporaryFolder } from '../../helpers/log-folder.ts'
import { fleetwire } from '../../helpers/processes.ts'
import { ReferenceScreen } from '../../helpers/reference-screen.ts'
import { size } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'
import type { KilledFleet } from './fleet.ts'

/** More than a node buffers for another one that cannot keep up: 2 MiB. */
const FLOOD_BYTES = size('FLOOD_BYTES', { quick: 2_200_000, full: 5_000_000 })

/** A viewer of a terminal of the agent through one node. Default: the newest terminal. */
async function watch(t: Test, node: NodeProcess | OpenNode, terminalId?: string) {
  const client = new DashboardClient({ url: await node.url, token: hmacToken(SECRET, { sub: `v-${node.name}` }) })
  t.teardown(() => client.close())
  let screen = new ReferenceScreen()
  let drawn: Promise<unknown> = Promise.resolve()
  let exits = 0
  let end = 0
  const view = client.openTerminal({
    agentId: 'shell',
    ...(terminalId !== undefined && { terminalId }),
    onSnapshot: snapshot => {
      screen = new ReferenceScreen(snapshot)
      drawn = screen.write(snapshot.screen)
      end = snapshot.offset
    },
    onOutput: (bytes, { offset }) => {
      end = offset + bytes.length
      drawn = screen.write(bytes)
      return drawn as Promise<void>
    },
    onResize: size => screen.resize(size),
    onExit: () => exits++,
  })
  client.connect()
  return {
    ...{ node, view, client },
    end: () => end,
    exits: () => exits,
    look: async () => {
      await drawn
      return screen.look()
    },
    shows: (text: string) =>
      until(async () => {
        await drawn
        return screen.look().screen.includes(text)
      }),
  }
}

type Watcher = Awaited<ReturnType<typeof watch>>

/** Without the scrollback, which a viewer that was too slow does not get again. */
async function onScreen(viewer: Watcher) {
  const { screen, ...state } = await viewer.look()
  return { ...state, screen: screen.split('\r\n').slice(-state.size[1]) }
}

/** A shell can be watched, typed into and resized through any node, and survives its active node. */
export async function terminalsUnderKill(t: Test, fleet: KilledFleet): Promise<void> {
  const { active, gateways } = fleet
  const [near, far] = gateways
  const submit = async (node: OpenNode, input: string) => {
    const response = await fetch(`${node.url}/api/v1/agents/shell/commands`, {
      method: 'POST',
      headers: { authorization: `Bearer ${hmacToken(SECRET)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'shell', input }),
    })
    return response.status === 202 && ((await response.json()) as Command).commandId
  }
  const folder = temporaryFolder(t)
  const enough = join(folder, 'enough')
  const token = hmacToken(SECRET, { sub: 'shell', role: 'agent' })
  fleetwire(
    t,
    ['agent', 'exec', '--id', 'shell', '--concurrency', '4'],
    { FLEETWIRE_URL: near.url, FLEETWIRE_TOKEN: token },
    folder,
  )
  const viewers = await Promise.all([active, near, far].map(node => watch(t, node)))
  const [here, there, third] = viewers as [Watcher, Watcher, Watcher]
  const same = async (...some: Watcher[]) => {
    await until(async () => {
      const looks = await Promise.all(some.map(viewer => onScreen(viewer)))
      return looks.every(look => JSON.stringify(look) === JSON.stringify(looks[0]))
    })
    t.pass('all viewers see the same')
  }

  const vim = await until(() => submit(far, 'TERM=xterm-256color vim -u NONE -i NONE -n -N'))
  await Promise.all(viewers.map(viewer => viewer.shows('VIM')))
  t.same(await third.view.input('iOne_'), { ok: true })
  await here.shows('One_')
  t.same(await here.view.input('two_'), { ok: true })
  await there.shows('One_two_')
  t.same(await there.view.input('three\x1b'), { ok: true })
  await Promise.all(viewers.map(viewer => viewer.shows('One_two_three')))
  t.same(await third.view.resize(100, 30), { ok: true })
  t.match(await here.view.resize(90, 20), { ok: false, error: { code: 'conflict' } })
  await until(async () => (await here.look()).size[0] === 100 && (await there.look()).size[0] === 100)
  await same(...viewers)

  for (let n = 0; n < 2; n++) await fleet.meet()
  await fleet.next()
  const typed = async (viewer: Watcher, text: string) => until(async () => (await viewer.view.input(text)).ok)
  await typed(there, 'ofour_\x1b')
  await third.shows('four_')
  await typed(third, 'afive\x1b')
  await there.shows('four_five')
  t.equal(third.exits() + there.exits(), 0, 'no terminal seemed to have ended')
  t.match(await there.view.resize(90, 20), { ok: false, error: { code: 'conflict' } }, 'the size is still held')
  await same(there, third)
  await typed(there, ':q!\r')
  await until(() => there.exits() === 1 && third.exits() === 1)
  t.equal(there.view.terminalId, vim)

  // The output continues for as long as commands are submitted beside it.
  const zeros = `head -c ${FLOOD_BYTES} /dev/zero; until [ -e '${enough}' ]; do head -c 100000 /dev/zero; sleep 0.1; done`
  const flood = await until(() => submit(far, `{ ${zeros}; } | tr '\\0' x | fold -w 79; echo; echo done`))
  const watchers = await Promise.all([near, far].map(node => watch(t, node, flood)))
  await until(() => watchers.every(({ end }) => end() > 100_000))
  const ids = await Promise.all(Array.from({ length: 20 }, () => submit(near, 'true')))
  t.ok(ids.every(Boolean), 'commands are accepted in the meantime')
  t.ok(
    watchers.every(({ exits }) => exits() === 0),
    'the output is still under way',
  )
  writeFileSync(enough, '')
  await until(() => watchers.every(({ exits }) => exits() === 1))
  for (const { end, look } of watchers) {
    t.ok(end() > FLOOD_BYTES, `${end()} bytes`)
    t.match((await look()).screen, /xxxx\r\ndone/)
  }
  await same(...watchers)
}
