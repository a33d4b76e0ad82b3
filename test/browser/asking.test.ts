import { test } from 'tap'
import { connection, house, launch, person } from '../helpers/browser.ts'

test('the first answer decides, viewers see it, and the agent continues', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  const agent = await place.agent({ id: 'build-7', handlers: {} })
  const [ann, ben] = await Promise.all(
    ['ann', 'ben'].map(async name =>
      person(browser, { url: `${place.url}/needs-you`, token: await place.mint(name, 'operator'), hasMotion: true }),
    ),
  )
  await Promise.all([connection(ann!.page, 'online'), connection(ben!.page, 'online')])
  await ann!.page.getByText('Nothing needs you').waitFor()

  const answered = agent.ask({
    ...{ interactionId: 'int_delete', kind: 'permission', title: 'Delete the build folder?', risk: 'high' },
    subject: { type: 'command', preview: 'rm -rf build && make release' },
    options: [
      { id: 'yes', label: 'Delete it', effect: 'allow' },
      { id: 'no', label: 'Keep it', effect: 'deny' },
    ],
  } as never)

  for (const { page } of [ann!, ben!]) {
    await page.locator('article[data-interaction-id=int_delete]').getByText('rm -rf build && make release').waitFor()
  }
  await ben!.page.waitForFunction(() => document.title.startsWith('(1)'))
  await ben!.page.keyboard.press('a')
  await ben!.page.getByText('cannot be answered with a key').waitFor()

  await ann!.page.getByRole('button', { name: 'Delete it' }).click()
  t.match(await answered, { optionId: 'yes' })
  await ann!.page.getByText(/Delete it, by you/).waitFor()
  await ben!.page.getByText(/Delete it, by ann/).waitFor()
  await ann!.page.getByText('Sent to the agent.').waitFor()
  agent.report('interaction:applied', { interactionId: 'int_delete' })
  await ann!.page.getByText('The agent is continuing.').waitFor()
  await ben!.page.waitForFunction(() => document.title.startsWith('Needs you'))
  t.same([...ann!.problems, ...ben!.problems], [])
})

test('a form is filled in, a low risk is answered by a key, and identical requests are answered together', async t => {
  const browser = await launch(t)
  if (browser === undefined) return
  const place = await house(t)
  const agents = await Promise.all(['a1', 'a2', 'a3'].map(id => place.agent({ id, handlers: {} })))
  const { page, problems } = await person(browser, { url: `${place.url}/needs-you`, token: place.token })
  await connection(page, 'online')

  const form = agents[0]!.ask({
    ...{ interactionId: 'int_form', kind: 'form', title: 'Where shall I deploy?', risk: 'medium', options: [] },
    schema: {
      type: 'object',
      required: ['region'],
      properties: { region: { type: 'string', title: 'Region' }, replicas: { type: 'integer', title: 'Replicas' } },
    },
  } as never)
  const card = page.locator('article[data-interaction-id=int_form]')
  await card.getByRole('button', { name: 'Send answers' }).click()
  await card.getByText('Region is required.').waitFor()
  await card.getByLabel('Region').fill('eu')
  await card.getByLabel('Replicas (optional)').fill('3')
  await card.getByRole('button', { name: 'Send answers' }).click()
  t.match(await form, { answers: { region: 'eu', replicas: 3 } })

  const named = agents[0]!.ask({
    ...{ interactionId: 'int_named', kind: 'form', title: 'What counts as old?', risk: 'low' },
    options: [
      { id: 'go', label: 'Tidy up', effect: 'allow' },
      { id: 'no', label: 'Not now', effect: 'deny' },
    ],
    schema: { type: 'object', required: ['days'], properties: { days: { type: 'integer', title: 'Days' } } },
  } as never)
  await page.locator('[role=option][data-interaction-id=int_named]').click()
  const tidy = page.locator('article[data-interaction-id=int_named]')
  await tidy.getByRole('button', { name: 'Tidy up' }).click()
  await tidy.getByText('Days is required.').waitFor()
  t.equal(await tidy.getByRole('button', { name: 'Send answers' }).count(), 0, 'the option submits the form')
  await tidy.getByLabel('Days').fill('30')
  await tidy.getByRole('button', { name: 'Tidy up' }).click()
  t.match(await named, { optionId: 'go', answers: { days: 30 } })

  const ask = (agent: (typeof agents)[number], interactionId: string, title: string) =>
    agent.ask({
      ...{ interactionId, kind: 'permission', title, risk: 'low' },
      options: [
        { id: 'yes', label: 'Allow', effect: 'allow' },
        { id: 'no', label: 'Deny', effect: 'deny' },
      ],
    } as never)
  const one = ask(agents[1]!, 'int_one', 'Run npm ci?')
  await page.locator('[role=option][data-interaction-id=int_one]').click()
  await page.locator('article[data-interaction-id=int_one]').waitFor()
  await page.keyboard.press('d')
  t.match(await one, { optionId: 'no' })

  const alike = agents.map((agent, index) => ask(agent, `int_alike${index}`, 'Run npm test?'))
  await page.locator('[role=option][data-interaction-id=int_alike0]').click()
  await page.getByRole('button', { name: 'Allow for all 3' }).click()
  for (const answer of await Promise.all(alike)) t.match(answer, { optionId: 'yes' })
  t.same(problems, [])
})
