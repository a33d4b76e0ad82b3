import { useSession } from '@fleetwire/react'
import { ArrowDown } from 'lucide-react'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Button } from '../../../ui/button.tsx'
import { cx } from '../../../ui/cx.ts'
import { Empty, Loading, Problem, SkeletonLine } from '../../../ui/states.tsx'
import { FollowContext, useFollow } from './follow.ts'
import { ShowMore } from './show-more.tsx'
import { TranscriptRow } from './transcript-item.tsx'

/** How many items are mounted at first, and how many more at a time as the user scrolls up. */
const MOUNTED = 60

/** The conversation of one session, with its end in view until the user scrolls away. */
export function Transcript({ sessionId, agentName }: { sessionId: string; agentName: string }) {
  const live = useSession(sessionId)
  const { scroller, content, isFollowing, toEnd } = useFollow()
  const [mounted, setMounted] = useState(MOUNTED)
  const [isLoading, setIsLoading] = useState(false)
  const view = live.status === 'ready' ? live.data : undefined
  const ids = view?.itemIds ?? []
  const unseen = useUnseen(ids.length, isFollowing)
  // Keep the reading position when items are added above it: browsers do not do that at the very top.
  const fromEnd = useRef<number>(undefined)
  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null || fromEnd.current === undefined) return
    element.scrollTop = element.scrollHeight - fromEnd.current
    fromEnd.current = undefined
  })
  const shown = ids.slice(isFollowing ? -MOUNTED : -(mounted + unseen))
  useEffect(() => {
    if (isFollowing) setMounted(MOUNTED)
  }, [isFollowing])
  const hasEarlier = shown.length < ids.length || view?.hasOlder === true
  const showEarlier = async () => {
    const element = scroller.current
    if (isLoading || element === null || view === undefined) return
    if (shown.length < ids.length) {
      fromEnd.current = element.scrollHeight - element.scrollTop
      setMounted(count => count + MOUNTED)
      return
    }
    setIsLoading(true)
    await view.loadOlder()
    fromEnd.current = element.scrollHeight - element.scrollTop
    setMounted(count => count + MOUNTED)
    setIsLoading(false)
  }
  if (live.status === 'error') return <Problem title="The conversation could not be loaded." error={live.error} />
  if (view !== undefined && view.session === undefined) {
    return <Empty title="There is no such conversation.">Choose another one.</Empty>
  }
  return (
    <FollowContext value={isFollowing}>
      <div className="relative flex min-h-0 flex-1 flex-col">
        <div
          ref={scroller}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
          tabIndex={0}
          role="log"
          aria-label="Conversation"
          aria-live="off"
          className={cx(
            'min-h-0 flex-1 overflow-auto outline-offset-[-2px]',
            view !== undefined && live.status === 'ready' && live.stale && 'stale',
          )}
        >
          <h2 className="sr-only">Conversation</h2>
          <div ref={content} className="mx-auto flex max-w-[820px] flex-col gap-3 px-5 py-4 max-tablet:px-3">
            {view === undefined && (
              <Loading label="Loading the conversation">
                <SkeletonLine className="w-1/2" />
                <SkeletonLine className="w-3/4" />
                <SkeletonLine className="w-2/3" />
              </Loading>
            )}
            {hasEarlier && (
              <ShowMore disabled={isLoading} onShow={() => void showEarlier()} className="self-center">
                {isLoading ? 'Loading' : 'Show earlier messages'}
              </ShowMore>
            )}
            {view !== undefined && ids.length === 0 && !hasEarlier && <Empty title="No messages yet." />}
            {shown.map(id => (
              <TranscriptRow key={id} sessionId={sessionId} id={id} />
            ))}
            {view?.session?.typing && <Typing name={agentName} />}
            {view?.session?.status === 'ended' && (
              <p className="text-center text-meta text-text3">The conversation has ended.</p>
            )}
          </div>
        </div>
        {!isFollowing && (
          <Button
            onClick={toEnd}
            icon={<ArrowDown size={14} aria-hidden />}
            className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full! bg-selected! shadow-overlay"
          >
            {unseen > 0 ? `${unseen} new` : 'Jump to the end'}
          </Button>
        )}
      </div>
    </FollowContext>
  )
}

/** Items that arrived since the user scrolled away from the end. */
function useUnseen(count: number, isFollowing: boolean): number {
  const seen = useRef(count)
  if (isFollowing || count < seen.current) seen.current = count
  return count - seen.current
}

function Typing({ name }: { name: string }) {
  return (
    <p role="status" className="flex items-center gap-2 text-meta text-text3">
      <span aria-hidden className="flex gap-1">
        <span className="size-1.5 animate-attention rounded-full bg-current" />
        <span className="size-1.5 animate-attention rounded-full bg-current [animation-delay:200ms]" />
        <span className="size-1.5 animate-attention rounded-full bg-current [animation-delay:400ms]" />
      </span>
      {name} is writing
    </p>
  )
}
