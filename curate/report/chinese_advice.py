"""The sentences of `advice` in Chinese."""

from __future__ import annotations

ADVICE = {
    "Nothing stands out": "没有突出的问题",
    "Read the {n} samples below before you build on this data set.": "使用这个数据集之前，请先读下面的 {n} 条样本。",
    "Nothing came in": "没有输入",
    "See whether the files that the job names are the right ones.": "请检查任务文件里写的数据文件是否正确。",
    "“{reason}” emptied the set": "“{reason}”清空了数据集",
    "{stage} left out the last {n}. Read its examples: if they are good records, its options are too strict; "
    "if not, the "
    "source is at fault.": (
        "“{stage}”排除了最后的 {n}。请看它的例子：如果都是好记录，就是选项太严；如果不是，问题出在来源。"
    ),
    "What to do about it": "怎么办",
    "It learned what it was taught": "学会了所教的内容",
    "Loss on unseen questions about the same documents fell by more than chance explains.": (
        "同一批文档的新问题上，损失的下降超出偶然。"
    ),
    "Too few test questions to tell": "测试问题太少，无法判断",
    "{questions} cannot tell learning from chance. Make more records.": (
        "{questions}分不清学会与偶然。请多生成一些记录。"
    ),
    "Learning is not proven": "没有证明学会了",
    "Loss on unseen questions did not fall clearly. Train longer, or make more records a document.": (
        "新问题上的损失没有明显下降。请训练更久，或让每份文档产出更多记录。"
    ),
    "The model forgot general skills": "模型忘掉了通用能力",
    "Loss on general data rose. Mix in more general data, or lower learning rate or epochs.": (
        "通用数据上的损失上升了。请多混入通用数据，或降低学习率、减少轮数。"
    ),
    "{n} of {all} wanted records": "要 {all} 条，得到 {n} 条",
    "The documents or the budget gave no more. Add documents, allow more a passage, or raise the limits; the "
    "run goes on "
    "where it stopped.": "文档或预算只够这些。请添加文档、放宽每段的条数或提高上限；运行会从停下的地方继续。",
    "Only {share} of the drafts were accepted": "草稿只有 {share} 通过",
    "Most of what the teacher wrote was thrown away. A larger teacher is often cheaper in the end.": (
        "教师模型写的大部分被丢弃了。更大的教师模型往往反而更省钱。"
    ),
    "“{reason}” took {share} in {stage}": "“{reason}”在“{stage}”中占 {share}",
    "Read its examples: they show whether the teacher or the limit is at fault.": (
        "请看它的例子，判断是教师模型的问题还是门槛的问题。"
    ),
    "The teacher evades. Another teacher helps more than a longer list of phrases.": (
        "教师模型在回避。换一个教师模型比加长禁用语表更有用。"
    ),
    "Replies end too early: raise the teacher's max_tokens, or ask for fewer pairs at a time.": (
        "回复过早结束：请提高教师模型的 max_tokens，或每次少要几对。"
    ),
    "The teacher's replies could not be read. JSON schema output, or a larger teacher, mends this.": (
        "教师模型的回复无法读取。用 JSON 模式输出，或换更大的教师模型。"
    ),
    "The same thing is asked again and again. Ask for fewer pairs a passage, or add documents.": (
        "同样的问题反复出现。请减少每段的问答数，或添加文档。"
    ),
    "The teacher repeats instead of answering. A larger teacher does this less.": (
        "教师模型在复述而不是回答。更大的教师模型会少犯。"
    ),
    "The teacher says what the passage does not. A larger teacher, or a lower temperature, makes this rarer.": (
        "教师模型说了段落里没有的内容。换更大的教师模型或降低温度会好一些。"
    ),
    "Questions lean on the passage. Name the product in the headings, so that the teacher can name it too.": (
        "问题依赖上文。请在标题里写明产品名，教师模型才能写出来。"
    ),
    "Text in the wrong language: see that there are prompts in the language of the documents.": (
        "语言不符：请检查是否有与文档同语言的提示词。"
    ),
    "What the teacher calls a question is none, or several. A larger teacher does this less.": (
        "教师模型写的“问题”不是问题，或是好几个。更大的教师模型会少犯。"
    ),
    "See whether the limits of this stage fit your documents.": "请检查这道工序的门槛是否适合您的文档。",
    "{documents} could not be read": "{documents}无法读取",
    "{names}: the reasons are below. What is not read is not taught.": "{names}：原因见下。读不了的内容教不了。",
    "{documents} gave no records": "{documents}没有产出记录",
    "{names}. See why their drafts were left out, or give them a run of their own.": (
        "{names}。请看草稿为什么被排除，或单独为它们运行一次。"
    ),
    "{share} of the passages gave nothing": "{share} 的段落没有产出",
    "Raise the target: rounds begin with the least covered passages.": "请提高目标条数：每一轮都从覆盖最少的段落开始。",
    "Pages {first}–{last} gave nothing": "第 {first}–{last} 页没有产出",
    "{n} in a row gave nothing": "连续 {n}没有产出",
    "In {document}. See whether they hold what should be taught; if so, raise the target or `per_passage`.": (
        "在 {document} 中。请看那里有没有要教的内容；有的话，请提高目标条数或 `per_passage`。"
    ),
    "{label}: {share}": "{label}：{share}",
    "What is missing stands with the figure, beside some records. Fill it in or leave them out.": (
        "缺什么写在数字旁边，并附几条例子。请补全，或排除它们。"
    ),
    "Quotes that are not in the document: was it changed after the records were made?": (
        "依据不在文档中：生成记录之后文档是不是改过？"
    ),
    "The same question has different answers. The stage `contradictions` finds such pairs.": (
        "同一问题有不同答案。工序 `contradictions` 能找出这样的记录。"
    ),
    "Questions tied to a day are wrong tomorrow. The stage `donts` leaves them out.": (
        "与日期有关的问题明天就错了。工序 `donts` 会排除它们。"
    ),
    "“{score}” tells nothing apart": "“{score}”分不出高低",
    "Nearly every record has the same score. A larger model as judge, or a sharper rubric.": (
        "几乎所有记录分数相同。请换更大的评判模型，或把评分标准写得更细。"
    ),
    "{share} of the records were duplicates": "{share} 的记录是重复的",
    "Refusals are {share} of the answers": "{share} 的答案是拒答",
    "Cap them with the stage `refusals`: a model that is taught to refuse refuses too much.": (
        "请用工序 `refusals` 限制：教它拒答，它就会拒答过多。"
    ),
    "Little protection against forgetting": "对遗忘的防护太少",
    "No general data is mixed in. Set the share of `mix` to 0.08.": "没有混入通用数据。请把 `mix` 的 share 设为 0.08。",
    "Only {share} of the training set is general data. Set the share of `mix` to 0.08.": (
        "通用数据只占训练集的 {share}。请把 `mix` 的 share 设为 0.08。"
    ),
    "{share} of the questions are of one kind": "{share} 的问题属于同一类型",
    "“{kind}” prevails. Weigh the other kinds higher in the job.": "“{kind}”占多数。请在任务文件里提高其他类型的权重。",
    "Questions begin alike": "问题开头雷同",
    "The {n} commonest openings make {share} of the questions. More kinds and levels vary them.": (
        "最常见的 {n} 种开头占问题的 {share}。增加题型和难度会有变化。"
    ),
    "Validation loss rose at the end": "验证损失在最后上升了",
    "The last steps learned the training set by heart. Fewer epochs, or early stopping.": (
        "最后几步是在死记训练集。请减少轮数，或提前停止。"
    ),
    "{checks} before training warned": "训练前有 {checks}给出警告",
    "{names}: see why, and what to do.": "{names}：请看原因和办法。",
    "{n} training records are few": "训练记录只有 {n} 条，偏少",
    "Enough to see that everything works, too few to judge a model by. Add documents or raise the target.": (
        "够看流程是否通畅，不够评判模型。请添加文档或提高目标条数。"
    ),
}
