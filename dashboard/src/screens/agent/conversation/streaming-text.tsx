import { memo, startTransition, useContext, useEffect, useRef, useState } from 'react'
import remend from 'remend'
import { FollowContext } from './follow.ts'
import { Markdown } from './markdown.tsx'
import { Pace } from './pace.ts'
import { ShowMore } from './show-more.tsx'
import { TextBlocks } from './text-blocks.ts'
import { useBlockWindow } from './use-block-window.ts'

/** A growing text. Finished blocks never render again, only the last ones are mounted, and the tail is plain text. */
export function StreamingText({ text, isOpen }: { text: string; isOpen: boolean }) {
  const cutter = useRef<TextBlocks>(undefined)
  cutter.current ??= new TextBlocks()
  const { blocks, tail, openCode } = cutter.current.push(text)
  const pace = useRef<Pace>(undefined)
  pace.current ??= new Pace()
  pace.current.note(blocks.length, performance.now())
  const isFollowing = useContext(FollowContext)
  const { from, to, showEarlier, showLater } = useBlockWindow(blocks.length, isFollowing)
  const shown = blocks.slice(from, to)
  return (
    <div className="flex flex-col gap-2 break-words">
      {from > 0 && (
        <ShowMore onShow={showEarlier} className="self-start">
          Show the previous part
        </ShowMore>
      )}
      {shown.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only ever added at the end
        <Block key={from + index} text={block} pace={pace.current!} />
      ))}
      {to < blocks.length && (
        <ShowMore onShow={showLater} className="self-start">
          Show the next part
        </ShowMore>
      )}
      {to === blocks.length && <Tail text={tail} isOpen={isOpen} openCode={openCode} pace={pace.current} />}
    </div>
  )
}

/** While a text grows fast, a block becomes Markdown only if it stays mounted this long. */
const RUSH_MS = 400

/** Plain text at first; Markdown when the page has time for it. */
const Block = memo(function Block({ text, pace }: { text: string; pace: Pace }) {
  const [isRich, setIsRich] = useState(false)
  useEffect(() => {
    const enrich = () => startTransition(() => setIsRich(true))
    if (!pace.isFast) return enrich()
    const timer = setTimeout(enrich, RUSH_MS)
    return () => clearTimeout(timer)
  }, [pace])
  return (
    <div className="[contain-intrinsic-size:auto_60px] [content-visibility:auto]">
      {isRich ? <Markdown text={text} /> : <PlainText text={text} />}
    </div>
  )
})

const PlainText = ({ text }: { text: string }) => <p className="whitespace-pre-wrap">{text}</p>

interface TailProps {
  text: string
  isOpen: boolean
  openCode: TextBlocks['openCode']
  pace: Pace
}

function Tail({ text, isOpen, openCode, pace }: TailProps) {
  if (text.trim() === '') return null
  // Close open Markdown constructs: the text may end anywhere.
  if (!isOpen) return <Block text={remend(text)} pace={pace} />
  if (openCode === undefined) return <PlainText text={text} />
  return (
    <>
      {openCode.before.trim() !== '' && <PlainText text={openCode.before} />}
      <pre className="overflow-x-auto rounded-control border border-line bg-card p-3 font-mono text-code">
        {openCode.code}
      </pre>
    </>
  )
}
