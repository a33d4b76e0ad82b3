import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwire } from '../../helpers/processes.ts'
import { size } from '../../helpers/sizes.ts'

const STARTS = size('STARTS', { quick: 2, full: 20 })

test('a server that is terminated as soon as it listens finishes its output, and exits without an error', async t => {
  for (let i = 0; i < STARTS; i++) {
    const args = i % 2 === 0 ? [] : ['--local-agent']
    const server = fleetwire(t, ['serve', '--port', '0', ...args], {}, await emptyFolder(t))
    // The first line comes from the log, before the messages for people.
    const isEarly = i % 3 === 0
    await server.printed(isEarly ? /Server listening at/ : /Fleetwire listens at/)
    server.child.kill(i % 4 === 0 ? 'SIGINT' : 'SIGTERM')
    const { code, stdout, stderr } = await server.ended
    t.same({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
    // The next start shows no token.
    if (!isEarly) t.match(stdout, /FLEETWIRE_TOKEN=/)
  }
})
