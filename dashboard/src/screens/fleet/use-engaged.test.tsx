import { GlobalRegistrator } from '@happy-dom/global-registrator'
import type { ReactNode } from 'react'
import type { Test } from 'tap'

if (!GlobalRegistrator.isRegistered) GlobalRegistrator.register({ url: 'http://fleet.test/' })
const { act, cleanup, fireEvent, render, screen } = await import('@testing-library/react')
const { default: t } = await import('tap')
const { useEngaged } = await import('./use-engaged.ts')

function List({ isThere = true }: { isThere?: boolean }) {
  const { isEngaged, handlers } = useEngaged()
  return (
    <>
      <output>{isEngaged ? 'engaged' : 'free'}</output>
      <button type="button">outside</button>
      {isThere && (
        <div data-testid="list" {...handlers}>
          <button type="button">one</button>
          <button type="button">two</button>
        </div>
      )}
    </>
  )
}

const state = () => screen.getByRole('status').textContent

function show(t: Test, page: ReactNode) {
  t.after(cleanup)
  return render(page)
}

t.test('the pointer in the list counts, a finger does not', async t => {
  show(t, <List />)
  const list = screen.getByTestId('list')
  t.equal(state(), 'free')
  fireEvent.pointerEnter(list, { pointerType: 'mouse' })
  t.equal(state(), 'engaged')
  fireEvent.pointerLeave(list, { pointerType: 'mouse' })
  t.equal(state(), 'free')
  fireEvent.pointerEnter(list, { pointerType: 'touch' })
  t.equal(state(), 'free')
})

t.test('the focus counts until it leaves the list', async t => {
  show(t, <List />)
  act(() => screen.getByText('one').focus())
  t.equal(state(), 'engaged')
  act(() => screen.getByText('two').focus())
  t.equal(state(), 'engaged')
  act(() => screen.getByText('outside').focus())
  t.equal(state(), 'free')
})

t.test('a list that goes frees what it held', async t => {
  const { rerender } = show(t, <List />)
  fireEvent.pointerEnter(screen.getByTestId('list'), { pointerType: 'mouse' })
  t.equal(state(), 'engaged')
  rerender(<List isThere={false} />)
  await screen.findByText('free')
})
