"""What a model card says, in both languages."""

from __future__ import annotations

_EN = {
    "merged_dequantised": "{base}, fine-tuned with an adapter that is merged into it. The base was taken through the "
    "nf4 quantisation that it was trained in and back to 16 bits: this is the model that was trained and measured.",
    "merged_original": "{base}, fine-tuned with an adapter that is merged into its original 16-bit weights.",
    "whole": "{base}, all of its weights fine-tuned.",
    "gguf": "{base}, fine-tuned, as a GGUF file of type {type} for llama.cpp and Ollama.",
    "gguf_adapter": "A LoRA adapter for {base} as a GGUF file, and the base as {type}, for llama.cpp and Ollama.",
    "data": "Data",
    "no_data": "The run's manifests are not here, so its data is not known.",
    "data_head": "| stage | read | kept | rejected |",
    "method": "Method",
    "trained": "{method}, objective {objective}, seed {seed}",
    "lora": "rank {rank}, alpha {alpha}",
    "steps": "{steps} steps, {tokens} tokens",
    "records": "{records} records trained on",
    "numbers": "Numbers",
    "numbers_head": "| set | records | loss before | loss after |",
    "no_numbers": "Not evaluated yet: `seedbed evaluate` measures what was learned and what was forgotten.",
    "about_adapter": "\nMeasured on the base with its adapter, before any merge or conversion.",
    "check": "Compared with the model in transformers",
    "unchecked": "Not compared yet: `seedbed gguf RUN --check` does it.",
    "limits": "Limits",
    "limit_facts": "It can be wrong, also about what it was trained on, and sounds no less sure then. Check figures "
    "against the documents.",
    "limit_length": "Trained on conversations of up to {tokens} tokens; longer ones were not seen.",
    "limit_original": "After QLoRA this is not the model that was evaluated: the adapter learned to correct the "
    "quantised base.",
    "limit_type": "Rounded to {type} without calibration.",
    "warned": "Warning before the training: {name}: {said}",
    "run": "To run it",
    "licence": "Licence",
    "licence_of": "The base {base}: {licence}. Its terms hold for this model too; the data may add terms of its own.",
}
_ZH = {
    "merged_dequantised": "{base} 的微调模型，适配器已并入。并入前先"
    "把基座按训练时的 nf4 量化再还原为 16 位，因此它就是训练并评测过的那个模型。",
    "merged_original": "{base} 的微调模型，适配器已并入原始的 16 位权重。",
    "whole": "{base} 的全参数微调模型。",
    "gguf": "{base} 的微调模型，{type} 类型的 GGUF 文件，用于 llama.cpp 和 Ollama。",
    "gguf_adapter": "{base} 的 LoRA 适配器（GGUF 文件），附 {type} 类型的基座，用于 llama.cpp 和 Ollama。",
    "data": "数据",
    "no_data": "这里没有该次运行的清单，数据来源不明。",
    "data_head": "| 阶段 | 读入 | 保留 | 剔除 |",
    "method": "方法",
    "trained": "{method}，目标 {objective}，随机种子 {seed}",
    "lora": "秩 {rank}，alpha {alpha}",
    "steps": "{steps} 步，{tokens} 个 token",
    "records": "训练用 {records} 条记录",
    "numbers": "指标",
    "numbers_head": "| 集合 | 记录数 | 训练前损失 | 训练后损失 |",
    "no_numbers": "尚未评测：`seedbed evaluate` 会测出学到了什么、忘记了什么。",
    "about_adapter": "\n以上在“基座加适配器”上测得，早于合并和转换。",
    "check": "与 transformers 中的模型对比",
    "unchecked": "尚未对比：运行 `seedbed gguf RUN --check`。",
    "limits": "局限",
    "limit_facts": "它会出错，包括训练过的内容，而且语气同样肯定。数字请以原文档为准。",
    "limit_length": "训练时的对话不超过 {tokens} 个 token，更长的没有见过。",
    "limit_original": "QLoRA 之后，这不是评测过的那个模型：适配器学会的是修正量化后的基座。",
    "limit_type": "按 {type} 取整，未做校准。",
    "warned": "训练前的警告：{name}：{said}",
    "run": "运行方法",
    "licence": "许可",
    "licence_of": "基座 {base}：{licence}。其条款同样适用于本模型；数据可能另有条款。",
}
WORDS = {"en": _EN, "zh": _ZH}
