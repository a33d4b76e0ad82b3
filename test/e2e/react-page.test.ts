import '../helpers/dom.ts'
import assert from 'node:assert/strict'
import { AgentClient } from '@fleetwire/client/node'
import { fireEvent, screen, waitFor } from '@testing-library/react'
import t from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../helpers/build.ts'
import { Notes } from '../helpers/notes.ts'

const page = new URL('../../../packages/react/dist/examples/page.js', import.meta.url)

t.test('the page of the README of packages/react runs against a server', async t => {
  const { url, token } = await startApp(t)
  const asked = new Notes<string>()
  const agent = new AgentClient({
    ...{ url, token: await token('agent', { sub: 'a1' }), name: 'First' },
    handlers: {
      async shell(run) {
        const options = [{ id: 'yes', label: 'Allow', effect: 'allow' as const }]
        const answer = await agent.ask({ interactionId: 'i1', kind: 'permission', title: 'Delete it?', options })
        asked.note(`${run.input} ${answer.optionId}`)
        return { status: 'succeeded' }
      },
    },
  })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  await agent.start()
  const browser = globalThis as unknown as Record<string, unknown>
  const sockets: WebSocket[] = []
  const { WebSocket: ownWebSocket } = browser
  browser.WebSocket = class extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols)
      sockets.push(this)
      this.on('error', () => {})
    }
  }
  ;(browser.happyDOM as { setURL(url: string): void }).setURL(url)
  sessionStorage.setItem('token', await token('operator'))
  document.body.innerHTML = '<div id="root"></div>'
  await import(page.href)
  t.teardown(() => {
    // The page would retry for as long as its window is open.
    for (const socket of sockets) {
      socket.onclose?.({ code: 4403, reason: '' } as never)
      socket.terminate()
    }
    browser.WebSocket = ownWebSocket
    document.body.innerHTML = ''
  })

  const status = () => screen.getByRole('status', { name: 'Connection' }).getAttribute('data-state')
  await waitFor(() => assert.equal(status(), 'online'), { timeout: 10_000 })
  const input = await screen.findByLabelText('Command for First', {}, { timeout: 10_000 })
  fireEvent.change(input, { target: { value: 'rm build' } })
  fireEvent.submit(input.closest('form')!)
  const allow = await screen.findByRole('button', { name: 'Allow' }, { timeout: 10_000 })
  await waitFor(() => assert.ok(document.querySelector('[data-agent-id=a1][data-status=needs-you]')), {
    timeout: 10_000,
  })
  fireEvent.click(allow)
  await asked.until(all => all.length > 0)
  t.same(asked.items, ['rm build yes'])
  await waitFor(() => assert.ok(screen.queryByRole('button', { name: 'Allow' }) === null), { timeout: 10_000 })
})
