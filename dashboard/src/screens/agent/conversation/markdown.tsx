import { isValidElement, memo, type ReactNode } from 'react'
import ReactMarkdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { leadsAway } from '../../../model/leads-away.ts'
import { Code } from './code.tsx'

const plugins = [remarkGfm]

/** Markdown of one block. Raw HTML stays text; images are named, not loaded: an agent must not phone home from here. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <ReactMarkdown remarkPlugins={plugins} components={components}>
      {text}
    </ReactMarkdown>
  )
})

const heading = ({ children }: { children?: ReactNode }) => (
  <h3 className="pt-1 text-title font-semibold not-first:mt-2">{children}</h3>
)
const smallHeading = ({ children }: { children?: ReactNode }) => <h4 className="pt-1 font-semibold">{children}</h4>

const components: Components = {
  h1: heading,
  h2: heading,
  h3: smallHeading,
  h4: smallHeading,
  h5: smallHeading,
  h6: smallHeading,
  p: ({ children }) => <p className="not-first:mt-2">{children}</p>,
  a: ({ href = '', children }) =>
    leadsAway(href) ? (
      <a href={href} title={href} target="_blank" rel="noreferrer noopener" className="text-accent underline">
        {children}
      </a>
    ) : (
      <span>{children}</span>
    ),
  img: ({ alt }) => <span className="text-text3">[picture{alt ? `: ${alt}` : ''}]</span>,
  em: ({ children }) => <em className="[font-synthesis:style]">{children}</em>,
  ul: ({ children }) => <ul className="list-disc pl-5 not-first:mt-1">{children}</ul>,
  ol: ({ start, children }) => (
    <ol start={start} className="list-decimal pl-5 not-first:mt-1">
      {children}
    </ol>
  ),
  li: ({ children }) => <li className="my-0.5">{children}</li>,
  blockquote: ({ children }) => <blockquote className="border-l-2 border-line pl-3 text-text2">{children}</blockquote>,
  hr: () => <hr className="my-2 border-line" />,
  table: ({ children }) => (
    <div className="overflow-x-auto">
      <table className="border-collapse text-left">{children}</table>
    </div>
  ),
  th: ({ style, children }) => (
    <th style={style} className="border-b border-line py-1 pr-4 font-medium text-text2">
      {children}
    </th>
  ),
  td: ({ style, children }) => (
    <td style={style} className="border-b border-line py-1 pr-4 tabular-nums">
      {children}
    </td>
  ),
  code: ({ children }) => <code className="rounded-[4px] bg-hover px-1 font-mono text-code">{children}</code>,
  pre: ({ children }) => {
    if (!isValidElement<{ className?: string; children?: ReactNode }>(children)) return <pre>{children}</pre>
    const language = /language-(\S+)/.exec(children.props.className ?? '')?.[1]
    return <Code language={language} text={String(children.props.children ?? '').replace(/\n$/, '')} />
  },
}
