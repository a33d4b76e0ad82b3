import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AgentClient } from '@fleetwire/client/node'
import { test } from 'tap'
import { build } from 'vite'
import { chromiumPath, launch, person } from '../helpers/browser.ts'
import { emptyFolder } from '../helpers/cli.ts'
import { program } from '../helpers/processes.ts'
import { root } from '../house/repository.ts'

const folder = (path: string) => fileURLToPath(new URL(path, root))

test('examples/react-page, built, in the app of examples/embed.mjs: a login, a conversation and an answer', async t => {
  if (chromiumPath(t) === undefined) return
  const place = await emptyFolder(t)
  const PAGES = join(place, 'pages')
  const page = folder('examples/react-page')
  await build({ root: page, configFile: join(page, 'vite.config.js'), build: { outDir: PAGES }, logLevel: 'error' })
  const env = { PORT: '0', DATA_DIR: join(place, 'fleet'), PAGES }
  const app = program(t, process.execPath, [folder('examples/embed.mjs')], env, place)
  const [, url, token] = await app.printed(/FLEETWIRE_URL=(\S+) FLEETWIRE_TOKEN=(\S+) fleetwire/)
  const agent = new AgentClient({
    ...{ url: url!, token: token!, name: 'Demo' },
    handlers: {
      async prompt(run) {
        const message = run.message()
        message.append('May I')
        const options = [{ id: 'yes', label: 'Yes, do', effect: 'allow' as const }]
        const question = {
          interactionId: 'i1',
          commandId: run.commandId,
          kind: 'permission' as const,
          title: 'Go on?',
          options,
        }
        const { optionId } = await agent.ask(question, { signal: run.signal })
        message.append(` ${run.input}? ${optionId}`)
        return { status: 'succeeded' }
      },
    },
  })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  await agent.start()

  const browser = await launch(t)
  const { page: tab, problems } = await person(browser!, { url: url!.replace('/fleet', '/') })
  await tab.getByLabel('Name').fill('ann')
  await tab.getByRole('button', { name: 'Log in' }).click()
  await tab.getByRole('button', { name: 'Demo' }).click()
  await tab.getByLabel('Prompt').fill('help')
  await tab.getByRole('button', { name: 'Send' }).click()
  await tab.getByText('May I', { exact: true }).waitFor()
  await tab.getByRole('button', { name: 'Yes, do' }).click()
  await tab.getByText('May I help? yes').waitFor()
  t.equal(await tab.getByRole('status').textContent(), 'online')
  await tab.getByRole('button', { name: 'Yes, do' }).waitFor({ state: 'detached' })
  t.same(problems, [])
})
