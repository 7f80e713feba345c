"""Words that hold a sentence together and say little by themselves: the closed classes of English and Chinese."""

from __future__ import annotations

_PRONOUNS = """
    a an the i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her
    hers herself it its itself they them their theirs themselves one ones this that these those who whom whose which
    what whatever whoever someone anyone everyone something anything everything nothing each every either neither both
    all any some such no none other others another same own few many more most much less least several
"""
_AUXILIARIES = """
    am is are was were be been being have has had having do does did doing done can could may might must shall should
    will would ought isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't can't cannot couldn't
    mustn't shan't shouldn't won't wouldn't mightn't needn't i'm you're he's she's it's we're they're i've you've we've
    they've i'd you'd he'd she'd we'd they'd i'll you'll he'll she'll we'll they'll that's there's here's let's what's
    who's where's when's why's how's
"""
_PREPOSITIONS_AND_CONJUNCTIONS = """
    of at by for with about against between among into through during before after above below to from up down in out
    on off over under upon onto within without along across behind beyond near toward towards until till since as and
    but or nor so yet if unless because while whereas although though than whether
"""
_ADVERBS = """
    not again further then once here there when where why how very too just only also even still ever never now rather
    quite almost perhaps however therefore thus hence else
"""
#: In small letters, with plain apostrophes.
ENGLISH = frozenset(f"{_PRONOUNS} {_AUXILIARIES} {_PREPOSITIONS_AND_CONJUNCTIONS} {_ADVERBS}".split())

_ZH_PRONOUNS = """
    我 我们 你 你们 您 他 他们 她 她们 它 它们 咱 咱们 自己 自身 本身 人家 大家 别人 谁 什么 怎么 怎样 怎么样 哪
    哪里 哪个 哪些 哪儿 多少 几 这 这个 这些 这里 这儿 这样 这么 这种 那 那个 那些 那里 那儿 那样 那么 那种 此 此外
    该 其 其他 其它 其中 某 某些 各 各个 各种 每 每个 任何 一切 所有 有些 有的 一些 一个
"""
_ZH_PARTICLES = """
    的 地 得 了 着 过 吗 呢 吧 啊 呀 嘛 啦 哦 哟 么 罢了 而已 之 所 似的 们 等 等等 之一 的话
"""
_ZH_AUXILIARIES = """
    是 不是 有 没有 没 能 能够 可 可以 会 要 应 应该 应当 必须 被 把 将 让 使 给
"""
_ZH_PREPOSITIONS = """
    在 于 从 自 自从 由 由于 到 往 向 朝 对 对于 关于 至于 跟 和 与 同 及 以及 以 用 按 按照 根据 依照 为 为了 为着
    因 因为 除 除了 比 比如 例如 当 随着 通过 经过 沿着
"""
_ZH_CONJUNCTIONS = """
    并 并且 而 而且 或 或者 还是 但 但是 然而 可是 不过 只是 虽 虽然 尽管 即使 就是 既 既然 如 如果 假如 要是 若
    只要 只有 除非 无论 不论 不管 所以 因此 因而 于是 从而 以便 以免 否则 不但 不仅 何况 况且 甚至 总之 接着 然后
    此时
"""
_ZH_ADVERBS = """
    不 未 别 也 又 还 再 都 就 才 只 仅 仅仅 已 已经 曾 曾经 正 正在 在于 很 太 更 最 非常 十分 极 极其 比较 稍 较
    越 便 却 并不 也许 大约 大概 几乎 仍 仍然 依然 总 总是 常 常常 往往 刚 刚刚 一直 一样 一起 一旦 这时 那时 上 下
    里 中
"""
#: In simplified characters.
CHINESE = frozenset(
    f"{_ZH_PRONOUNS} {_ZH_PARTICLES} {_ZH_AUXILIARIES} {_ZH_PREPOSITIONS} {_ZH_CONJUNCTIONS} {_ZH_ADVERBS}".split()
)
