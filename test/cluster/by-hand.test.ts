import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { emptyFolder } from '../helpers/cli.ts'
import { findServer } from '../helpers/nats-cluster.ts'
import { claimPort, freePort } from '../helpers/processes.ts'
import { isInstalled } from '../helpers/programs.ts'
import { isFull } from '../helpers/sizes.ts'
import { blocks, read, root } from '../house/repository.ts'

t.setTimeout(180_000)

/** With three nodes one can go away and two continue; in a quick run the third one does not start at all. */
const NODES = isFull ? '1 2 3' : '1 2'

/** Three ports that differ only in their last digit, as the page writes them: `422$n`. */
async function freePrefix(): Promise<string> {
  for (;;) {
    const prefix = String(1000 + Math.floor(Math.random() * 1000))
    const claimed = await Promise.all([1, 2, 3].map(n => claimPort(Number(`${prefix}${n}`))))
    if (!claimed.includes(false)) return prefix
  }
}

t.test('the commands of docs/cluster.md work from top to bottom', async t => {
  const needed = ['haproxy', 'openssl', 'jq', 'curl'].map(program => isInstalled(t, program))
  const natsServer = findServer(t)
  if (needed.includes(false) || natsServer === undefined) return
  const folder = await emptyFolder(t)
  for (const name of ['bin', 'deploy']) symlinkSync(fileURLToPath(new URL(name, root)), `${folder}/${name}`)
  const [nats, routes, monitors, nodes] = [
    await freePrefix(),
    await freePrefix(),
    await freePrefix(),
    await freePrefix(),
  ]
  const script = blocks(read('docs/cluster.md'), 'sh')
    .join('\n')
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${await freePort()}`)
    .replaceAll('127.0.0.1:8404', `127.0.0.1:${await freePort()}`)
    .replaceAll(/\b422(?=\$n|[123]\b)/g, nats)
    .replaceAll(/\b622(?=\$n|[123]\b)/g, routes)
    .replaceAll(/\b822(?=\$n|[123]\b)/g, monitors)
    .replaceAll(/\b300(?=\$n|\\1|[123]\b)/g, nodes)
    .replaceAll(/for n in 1 2 3(?=; do\n {2}(?:FLEETWIRE_NODE=|until ))/g, `for n in ${NODES}`)
  const path = [natsServer.includes('/') ? dirname(natsServer) : '', process.env.PATH].filter(Boolean)
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    ...{ cwd: folder, env: { PATH: path.join(delimiter), HOME: folder, SHELL: '/bin/sh' } },
    // Its own process group, so that it ends together with its servers.
    ...{ detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  })
  t.teardown(() => {
    try {
      process.kill(-shell.pid!, 'SIGKILL')
    } catch {
      // All are gone already.
    }
  })
  let output = ''
  for (const stream of [shell.stdout!, shell.stderr!]) stream.on('data', chunk => (output += chunk))
  // The processes that it has started in the background keep its output open.
  const [code] = await once(shell, 'exit')
  t.equal(code, 0, output)
  t.match(output, /^hello$/m)
  t.match(output, /^node-\d is gone$/m)
  t.match(output, /"active": "node-\d"/)
  t.match(output, /"durability": "fsync"/)
  t.match(output, /events, .* are in backup/)
})
