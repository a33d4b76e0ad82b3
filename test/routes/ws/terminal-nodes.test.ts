import t from 'tap'
import { startPair } from '../../helpers/node-pair.ts'
import { heard, print } from '../../helpers/terminal-stage.ts'
import { connectWs } from '../../helpers/ws-client.ts'

t.test("[TM7] [PM11] [TM24] rights are checked on the viewer's node and apply on the active one", async t => {
  const { nodes, active, gateway } = await startPair(t)
  const agent = await connectWs(t, gateway.url, await gateway.token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b1', inventory: [] })
  await agent.next('connection:established')
  print(agent, 'main', 0, 'hello')
  await heard(agent)
  const operator = { sub: 'op' }
  const viewer = await connectWs(t, gateway.url, await gateway.token('operator', operator))
  const other = await connectWs(t, active.url, await active.token('operator', { sub: 'other' }))
  const reader = await connectWs(t, gateway.url, await gateway.token('viewer', { sub: 'reader' }))
  const about = { agentId: 'a1', terminalId: 'main' }
  for (const [n, client] of [viewer, other, reader].entries()) {
    client.send('terminal:open', about, `o${n}`)
    t.match(await client.next('terminal:snapshot'), { payload: { screen: 'hello', offset: 5 } })
  }
  reader.send('terminal:input', { ...about, data: 'no', inputSeq: 1 }, 'i1')
  t.match(await reader.next(({ id }) => id === 'i1'), { payload: { ok: false, error: { code: 'forbidden' } } })
  viewer.send('terminal:input', { ...about, data: 'ls\r', inputSeq: 1 }, 'i1')
  t.match(await viewer.next(({ id }) => id === 'i1'), { payload: { ok: true } })
  t.match(await agent.next('terminal:input'), { payload: { terminalId: 'main', data: 'ls\r' } })
  viewer.send('terminal:resize', { ...about, cols: 100, rows: 30 }, 'r1')
  t.match(await viewer.next(({ id }) => id === 'r1'), { payload: { ok: true } })
  t.match(await agent.next('terminal:resize'), { payload: { cols: 100, rows: 30 } })
  other.send('terminal:resize', { ...about, cols: 90, rows: 30 }, 'r2')
  t.match(await other.next(({ id }) => id === 'r2'), { payload: { ok: false, error: { code: 'conflict' } } })

  // A viewer that loses the right to type also releases the size.
  viewer.send('auth:refresh', { token: await gateway.token('viewer', operator) }, 'a1')
  t.match(await viewer.next(({ id }) => id === 'a1'), { payload: { ok: true } })
  await t.resolves(
    (async () => {
      for (let n = 0; ; n++) {
        other.send('terminal:resize', { ...about, cols: 90, rows: 30 }, `s${n}`)
        const { payload } = await other.next(({ id }) => id === `s${n}`)
        if (payload.ok) return
      }
    })(),
    'the size is free',
  )
  print(agent, 'main', 5, ' again')
  t.match(await viewer.next('terminal:output'), { payload: { offset: 5 } }, 'it still watches')

  await nodes.activate(gateway.node)
  const back = await connectWs(t, active.url, await active.token('agent', { sub: 'a1' }), '/agent')
  const terminals = [{ terminalId: 'main', cols: 90, rows: 30, offset: 11 }]
  back.send('agent:connect', { bootId: 'b1', inventory: [], terminals })
  await back.next('connection:established')
  print(back, 'main', 11, ' and more')
  for (const client of [viewer, other, reader]) {
    const { payload } = await client.next(
      ({ type, payload }) => type === 'terminal:output' && payload.offset + Buffer.byteLength(payload.data) >= 20,
    )
    t.equal(payload.offset, 11, 'each viewer continues where it was')
    t.equal(client.frames.filter(({ type }) => type === 'terminal:snapshot').length, 1)
  }
})
