import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import { startApp } from '../../helpers/build.ts'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import { adminToken, fleetwire, freePort } from '../../helpers/processes.ts'
import { connectWs } from '../../helpers/ws-client.ts'

// Two servers start one after the other, on a possibly busy machine.
t.setTimeout(120_000)

/** Submits continuously; resolves with the ids, in the order of acceptance. */
async function submitUntil(url: string, token: string, ended: () => boolean): Promise<string[]> {
  const accepted: string[] = []
  while (!ended()) {
    const answer = await fetch(`${url}/api/v1/agents/a1/commands`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'shell', input: 'true', whenBusy: 'enqueue' }),
    })
    if (answer.status === 202) accepted.push(((await answer.json()) as { commandId: string }).commandId)
  }
  return accepted
}

/** A socket that resumes after a cursor: resolves with the first response. */
async function resume(t: Test, url: string, token: string, cursor?: string) {
  const client = await connectWs(t, url, token)
  client.send(
    'dashboard:connect',
    { ...(cursor !== undefined && { resume: { cursor } }), subscribe: ['agents.>'] },
    'c',
  )
  const { payload } = await client.next(({ type, id }) => type === 'connection:established' && id === 'c')
  await client.close()
  return payload as { resumed: boolean; reason?: string; cursor: string }
}

test('a backup of a busy server is complete: another server continues with it, with the same tokens and agents', async t => {
  const folder = await emptyFolder(t)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const original = fleetwire(t, ['serve', '--port', `${port}`], { FLEETWIRE_QUEUE_LIMIT: '100000' }, folder)
  await original.printed(/listens at/)
  const token = await adminToken(original)
  const env = { FLEETWIRE_URL: url, FLEETWIRE_DATA_DIR: join(folder, 'data') }
  const here = (...args: string[]) => fleetwireHere(t, args, { env, folder })
  const agent = here('agent', 'exec', '--id', 'a1', '--journal', join(folder, 'journal'))
  await agent.printed(/is connected/)
  t.match(await here('send', 'a1', '--wait', 'echo before').ended, { stdout: /before/ })

  let wanted = 20
  const before = await submitUntil(url, token, () => wanted-- === 0)
  let copied = false
  const meanwhile = submitUntil(url, token, () => copied)
  const copy = join(folder, 'copy')
  const backup = await here('backup', copy).ended
  copied = true
  t.match(backup, { code: 0, stdout: /^\d+ events, \d+\.\d MB, are in \S+copy:/ })
  const after = await submitUntil(url, token, () => wanted++ === 0)
  t.ok((await meanwhile).length > 0, 'the server kept running')
  const { cursor } = await resume(t, url, token)
  await original.kill('SIGKILL')
  t.equal(statSync(copy).mode & 0o777, 0o700)
  for (const name of readdirSync(copy)) t.equal(statSync(join(copy, name)).mode & 0o777, 0o600, name)
  t.same(readdirSync(copy).toSorted(), ['fleetwire.db', 'secret'])
  cpSync(copy, join(folder, 'again'), { recursive: true })

  const started = (DATA_DIR: string, port: number) => startApp(t, { port, config: { DATA_DIR, JWT_SECRET: undefined } })
  const restored = await started(copy, port)
  const asAdmin = { headers: { authorization: `Bearer ${token}` } }
  const statusOf = async (id: string) => (await fetch(`${url}/api/v1/commands/${id}`, asAdmin)).status
  for (const id of before) t.equal(await statusOf(id), 200, 'accepted before the backup began')
  for (const id of after) t.equal(await statusOf(id), 404, 'accepted after the backup had ended')
  t.match(
    await resume(t, url, token, cursor),
    { resumed: false, reason: 'epoch' },
    'not other events with the same numbers',
  )
  const sent = await here('send', 'a1', '--priority', '9', '--wait', 'echo again').ended
  t.match(sent, { code: 0, stdout: /again/ }, 'what the agent had told the original counts no more')
  const { cursor: ofRestored } = await resume(t, url, token)
  await restored.app.close()

  const second = await started(join(folder, 'again'), 0)
  t.match(
    await resume(t, second.url, token, ofRestored),
    { resumed: false, reason: 'epoch' },
    'nor is a cursor of the first restored server valid',
  )
})

test('backup overwrites nothing, and refuses what is no data folder', async t => {
  const folder = await emptyFolder(t)
  const backup = (name: string) => fleetwireHere(t, ['backup', join(folder, name)], { env: {}, folder }).ended
  mkdirSync(join(folder, 'full'))
  writeFileSync(join(folder, 'full', 'mine'), 'mine')
  t.match(await backup('full'), {
    code: 1,
    stderr: /^fleetwire: \S+full is not empty: name a new or empty folder\.\n$/,
  })
  t.match(await backup('to'), {
    code: 1,
    stderr: /there is no log in \S+data; name the server's folder with --data-dir\.\n$/,
  })
  t.notOk(readdirSync(folder).includes('to'), 'nothing was created')
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'data', 'fleetwire.db'), 'something else')
  const { code, stderr } = await backup('to')
  t.equal(code, 1)
  t.match(stderr, /^fleetwire: Nothing was copied: .*not a database\.\n$/)
  t.same(readdirSync(join(folder, 'to')), [])
})
