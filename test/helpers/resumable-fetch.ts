/** The function that the client library calls to send a run. */
type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * A `fetch` for HttpAgent with which a run survives lost connections: if the body ends before the run, it requests the
 * rest and feeds it into the same body. `docs/ag-ui.md` shows it to users.
 */
export function resumableFetch(ask: Fetch = fetch, retryMs = 50): Fetch {
  return async (url, init) => {
    const { runId } = JSON.parse(String(init.body)) as { runId: string }
    const first = await ask(url, init)
    if (!first.ok || first.body === null) return first
    const { body: _, ...rest } = init
    const events = `${url}/runs/${encodeURIComponent(runId)}/events`
    async function* frames(): AsyncGenerator<string> {
      let lastId = ''
      for (let response: Response | undefined = first; ; ) {
        let text = ''
        try {
          for await (const chunk of response?.body?.pipeThrough(new TextDecoderStream()) ?? []) {
            const blocks = (text + chunk).split('\n\n')
            text = blocks.pop()!
            for (const block of blocks) {
              lastId = /^id: (.*)$/m.exec(block)?.[1] ?? lastId
              yield `${block}\n\n`
              if (/"type":"RUN_(FINISHED|ERROR)"/.test(block)) return
            }
          }
        } catch (error) {
          if (init.signal?.aborted) throw error
        }
        await new Promise(resolve => setTimeout(resolve, retryMs))
        const headers = { ...(rest.headers as Record<string, string>), 'Last-Event-ID': lastId }
        response = await ask(events, { ...rest, method: 'GET', headers }).catch(() => undefined)
        if (response?.ok === false && response.status < 500) return
      }
    }
    const iterator = frames()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await iterator.next()
        if (done) controller.close()
        else controller.enqueue(new TextEncoder().encode(value))
      },
      cancel: () => void iterator.return(undefined),
    })
    return new Response(body, { status: first.status, headers: first.headers })
  }
}
