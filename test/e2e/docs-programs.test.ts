import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { blocks, read } from '../house/repository.ts'

test('the app of docs/embedding.md starts and answers', async t => {
  const [app] = blocks(read('docs/embedding.md'), 'ts')
  const file = join(t.testdir(), 'app.mjs')
  writeFileSync(file, app!.replace('port: 8080', 'port: 0').replace('./fleet', join(t.testdirName, 'fleet')))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  for await (const chunk of child.stdout) {
    output += chunk
    const url = /ready at (\S+) with (\S+)/.exec(output)
    if (url === null) continue
    const headers = { authorization: `Bearer ${url[2]}` }
    t.equal((await fetch(`${url[1]}/fleet/ready`)).status, 200)
    t.match(await (await fetch(`${url[1]}/fleet/api/v1/agents`, { headers })).json(), { items: [] })
    t.match(await (await fetch(`${url[1]}/whoami`, { headers })).json(), { sub: 'ann' })
    t.equal((await fetch(`${url[1]}/whoami`)).status, 401)
    break
  }
})

test('the program of docs/events.md says what it does', async t => {
  const [app] = blocks(read('docs/events.md'), 'ts')
  const file = join(t.testdir(), 'app.mjs')
  writeFileSync(file, app!.replace('./fleet', join(t.testdirName, 'fleet')))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', chunk => (output += chunk))
  t.same(await once(child, 'close'), [0, null])
  t.match(output, /^first: task:created at \S+$/m)
  t.match(output, /^Nightly report: 0.5$/m)
  t.match(output, /^custom:tool-call custom:uploaded task:progress task:started task:created$/m)
  t.match(output, /published: 2/)
})
