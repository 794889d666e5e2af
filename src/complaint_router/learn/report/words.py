"""All words of the report in both languages, and how it writes numbers."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, str]

NONE = "—"
"""Stands where there is no number."""

WORDS: Mapping[str, Words] = {
    "zh": {
        "lang": "zh-CN",
        "title": "模型训练报告：{name}",
        "facts": "complaint-router {version} · {day} · 训练用时 {minutes} 分钟",
        "colon": "：",
        "list": "，",
        "yes": "是",
        "no": "否",
        "target": "目标",
        "category": "类别",
        "department": "部门",
        "unit": "单位",
        "kind": "性质",
        "urgency": "紧急程度",
        # Verdict.
        "verdict": "结论",
        "promote": "建议启用",
        "keep_former": "不建议启用",
        "better": "{target}：答对的显著多于原模型。",
        "worse": "{target}：答对的显著少于原模型。",
        "level": "{target}：答对的与原模型没有显著差异。",
        "coverage_fell": "{target}：可直接派单的比例比原模型低。",
        "imprecise": "{target}：直接派单达不到所要求的正确率。",
        "no_threshold": "{target}：没有哪个分数足够可靠，因此不直接派单，全部交人工。",
        "few": "{target}：留出的文本太少，不足以判断。",
        "uncalibrated": "{target}：分数与实际正确率相差过大（ECE 超过 0.05，且非偶然所能解释）。",
        "seen": "{target}：所接续的模型已学过用来衡量的行，指标偏高；请用它没见过的行衡量。",
        "not_comparable": "{target}：无法与指定的旧模型比较：它不认识这些标签，或已学过全部用来衡量的行。",
        # Main measures.
        "measures": "主要指标",
        "measures_note": "以下指标在模型没有学过的留出文本上测得。轮次和校准也由这些文本选定，"
        "所以遇到全新的文本时会略差。要求直接派单的正确率为 {asked}。",
        "n": "文本数",
        "accuracy": "准确率",
        "interval": "95% 区间",
        "macro_f1": "宏平均 F1",
        "top3": "前三命中",
        "ece": "ECE",
        "threshold": "阈值",
        "coverage": "直接派单",
        "auto_accuracy": "其中正确",
        "auto_bound": "置信下界",
        "accuracy_means": "第一个答案正确的文本所占比例；换一批同类文本，数值多半仍落在 95% 区间内。",
        "macro_f1_means": "各标签 F1 的平均数，F1 兼顾“答的对不对”和“该答的漏没漏”；少见标签与常见标签同等重要。",
        "top3_means": "正确答案在前三个答案之中的文本所占比例。",
        "ece_means": "期望校准误差：分数与实际正确率平均相差多少，0 最好，0.05 以内可信。",
        "threshold_means": "分数不低于阈值才可直接派单，低于阈值的交人工。",
        "coverage_means": "分数达到阈值、不经人工即可派单的文本所占比例。",
        "auto_accuracy_means": "直接派单的文本中答案正确的比例。",
        "auto_bound_means": "考虑到留出文本有限，有 95% 的把握认为直接派单的正确率不低于此值。",
        # Comparison.
        "against": "与原模型“{name}”比较",
        "before": "原模型",
        "after": "本模型",
        "change": "变化（百分点）",
        "won": "仅本模型对",
        "lost": "仅原模型对",
        "balance": "净增",
        "same_right": "都对",
        "same_wrong": "都错",
        "p": "p 值",
        "significance": "显著性",
        "significant": "显著",
        "not_significant": "不显著",
        "against_means": "两个模型回答同样的文本，“原模型”“本模型”两列为准确率。",
        "p_means": "McNemar 精确检验只看一个对、一个错的文本：假如两个模型一样好，出现如此悬殊或更悬殊的差别的概率就是"
        " p 值；小于 0.05 视为显著，即难以用偶然解释。",
        "against_labels": "{target}：各标签的得失（{count} 个）",
        # Plots.
        "reliability": "分数的可靠性",
        "reliability_means": "圆点落在虚线上，说明分数属实：0.9 分的答案约有 90% 正确。圆点越大，文本越多。",
        "score": "分数",
        "right_share": "其中正确",
        "point": "分数 {score}：{n} 条中 {right} 正确",
        "coverage_curve": "派单比例与正确率",
        "coverage_curve_means": "从分数最高的起，直接派出的文本越多（向右），其中正确的比例通常越低。"
        "横虚线为要求的正确率，方点为所选阈值下的实际派单。",
        "dispatched_share": "直接派单的比例",
        "curve_point": "派出 {share}，{right} 正确（最低分 {score}）",
        "asked": "要求 {share}",
        "chosen": "所选阈值：派出 {share}，{right} 正确",
        "f1_bars": "各标签的 F1",
        "f1_bars_means": "最常见的 {count} 个标签，共 {all} 个；括号内为文本数。F1 为 1 表示不错派、不遗漏。",
        "confusion": "混淆情况",
        "confusion_means": "每行是一个正确标签，编号列是模型的答案，数字是该行的百分比。蓝色为答对，橙色为答错。",
        "confusion_cell": "正确：{right}；答案：{given}；{n} 条，占 {share}",
        "learning_curve": "学习曲线",
        "learning_curve_means": "用较少的数据训练得到的结果；曲线右端若仍上升，增加标注数据还会有帮助。",
        "training_rows": "训练行数（对数刻度）",
        "epochs_chart": "训练过程",
        "epochs_chart_means": "每一轮之后在留出文本上的结果；竖虚线为所采用的一轮。",
        "epoch": "轮次",
        "line_point": "{at}：{measure} {value}",
        # Parts of a model.
        "parts": "整体与组成部分",
        "parts_means": "模型由编码器和线性模型合成；整体应不差于任何一个组成部分。",
        "part": "组成",
        "whole": "整体",
        "encoder_only": "仅编码器",
        "linear_only": "仅线性模型",
        # Tables of a target.
        "labels": "各标签的指标（{count} 个）",
        "labels_means": "精确率：答为该标签的文本中答对的比例。召回率：属于该标签的文本中被找出的比例。"
        "F1：两者的调和平均数。不直接派单：不论分数高低，一律交人工的标签。",
        "label": "标签",
        "code": "代码",
        "given_n": "答出数",
        "held_back": "不直接派单",
        "no_answer": "（无答案）",
        "precision": "精确率",
        "recall": "召回率",
        "f1": "F1",
        "confusions": "最常见的混淆（{count} 种）",
        "right_label": "正确标签",
        "given_label": "模型答案",
        "errors": "最有把握却与标注不符的答案（{count} 条）",
        "errors_means": "模型很有把握，标注却不同：标错的行多半在这里，请先核对。报告不含诉求原文，只指出所在的行。",
        "row": "所在行",
        "data_label": "数据中的标注",
        # Data.
        "data": "数据",
        "data_rows": "行数",
        "left_out": "未采用的行",
        "duplicates": "完全重复的行",
        "near_duplicates": "近似重复的行",
        "dates": "日期",
        "dates_span": "{first} 至 {last}，{undated} 行无日期",
        "lengths": "文本长度（字）",
        "lengths_span": "5% 不超过 {low}，半数不超过 {median}，95% 不超过 {high}，最长 {longest}",
        "answers_cut": "训练前去掉泄露答案的语句",
        "rare_policy": "少于 {floor} 行的标签",
        "policy_keep": "保留",
        "policy_merge": "合并为“其他”",
        "policy_drop": "舍弃",
        "masked": "遮盖的个人信息",
        "checks": "标注检查",
        "checks_means": "标注矛盾：文本相同而标注不同的组。少见标签：少于 {floor} 行的标签。",
        "label_count": "标签数",
        "unlabelled": "未标注的行",
        "conflicts": "标注矛盾",
        "rare": "少见标签",
        "leaks": "文本是否泄露答案",
        "leaks_means": "有的文本自己写明了答案，例如“已转某局处理”。若去掉这些语句后正确率明显下降，"
        "测得的结果就偏高，实际工作中达不到。",
        "clauses": "含此类语句的行",
        "turned": "去掉后改变的答案",
        "right_with": "保留时准确率",
        "right_without": "去掉后准确率",
        "leaking": "是否泄露",
        "counts_chart": "{target}：各标签的行数",
        "counts_chart_means": "最常见的 {count} 个标签，共 {all} 个。行数少的标签难以学好。",
        "counts": "{target}：全部标签的行数（{count} 个）",
        "conflict_rows": "{target}：标注互相矛盾的行（{count} 行）",
        "rare_labels": "{target}：少见标签（{count} 个）",
        # Training.
        "training": "训练",
        "home": "所在地代码",
        "init": "起始模型",
        "seed": "随机种子",
        "taught_rows": "用于训练的行",
        "held_rows": "留出的行",
        "split": "留出方式",
        "split_near_duplicates": "随机留出；近似重复的行不会分在两边",
        "split_time": "按时间留出最近的行",
        "split_file": "用另外提供的文件",
        "split_cross_fitted": "行数不多：分为四份，每一份由从另外三份学习的模型判断；近似重复的行在同一份里",
        "best_epoch": "采用的轮次",
        "best_of": "第 {best} 轮，共 {all} 轮",
        "epochs": "各轮次的损失与准确率",
        "loss": "损失",
        "privacy": "本报告只含计数、指标和行的位置，不含任何诉求原文。",
    },
    "en": {
        "lang": "en",
        "title": "Training report: {name}",
        "facts": "complaint-router {version} · {day} · trained in {minutes} minutes",
        "colon": ": ",
        "list": ", ",
        "yes": "yes",
        "no": "no",
        "target": "Target",
        "category": "Category",
        "department": "Department",
        "unit": "Unit",
        "kind": "Kind",
        "urgency": "Urgency",
        # Verdict.
        "verdict": "Verdict",
        "promote": "Recommended for service",
        "keep_former": "Not recommended for service",
        "better": "{target}: significantly more right answers than the former model.",
        "worse": "{target}: significantly fewer right answers than the former model.",
        "level": "{target}: no significant difference in right answers from the former model.",
        "coverage_fell": "{target}: a smaller share of calls can be dispatched automatically than before.",
        "imprecise": "{target}: automatic dispatch does not keep the precision asked.",
        "no_threshold": "{target}: no score is sure enough, so nothing is dispatched and all goes to a person.",
        "few": "{target}: too few held-out texts to judge.",
        "uncalibrated": "{target}: scores lie too far off the share that is right (ECE over 0.05, and more than by"
        " chance).",
        "seen": "{target}: the model gone on from has learned from rows measured on, so measures are too good; measure"
        " on rows that it does not know.",
        "not_comparable": "{target}: cannot be compared with the former model that was named: it does not know these"
        " labels, or has learned from all rows measured on.",
        # Main measures.
        "measures": "Main measures",
        "measures_note": "Measured on held-out texts that the model did not learn from. They also chose the"
        " epoch and the calibration, so entirely new texts will do somewhat worse."
        " Of automatic dispatches, {asked} are asked to be right.",
        "n": "Texts",
        "accuracy": "Accuracy",
        "interval": "95% interval",
        "macro_f1": "Macro-F1",
        "top3": "Top 3",
        "ece": "ECE",
        "threshold": "Threshold",
        "coverage": "Dispatched",
        "auto_accuracy": "Of these right",
        "auto_bound": "Lower bound",
        "accuracy_means": "Share of texts whose first answer is right;"
        " with other texts of the same sort it would most likely still lie in the 95% interval.",
        "macro_f1_means": "Mean F1 of all labels; F1 punishes both wrong answers and missed texts,"
        " and rare labels weigh as much as common ones.",
        "top3_means": "Share of texts whose right answer is among the first three.",
        "ece_means": "Expected calibration error: how far scores lie, on average, from the share that is right;"
        " 0 is best, up to 0.05 can be trusted.",
        "threshold_means": "A call is dispatched automatically from this score up; below it, a person looks.",
        "coverage_means": "Share of texts whose score reaches the threshold, so that no person need look.",
        "auto_accuracy_means": "Share of right answers among those dispatched automatically.",
        "auto_bound_means": "Held-out texts are few, but with 95% confidence"
        " at least this share of automatic dispatches is right.",
        # Comparison.
        "against": "Compared with the former model “{name}”",
        "before": "Former",
        "after": "This",
        "change": "Change (points)",
        "won": "Only this right",
        "lost": "Only former right",
        "balance": "Balance",
        "same_right": "Both right",
        "same_wrong": "Both wrong",
        "p": "p",
        "significance": "Significance",
        "significant": "significant",
        "not_significant": "not significant",
        "against_means": "Both models answered the same texts; “Former” and “This” are their accuracies.",
        "p_means": "McNemar's exact test looks only at texts that one model got right and the other wrong: p is how"
        " likely a split so uneven, or more so, would be if both were equally good; under 0.05 it counts as"
        " significant, hard to explain by chance.",
        "against_labels": "{target}: won and lost by label ({count})",
        # Plots.
        "reliability": "Reliability of scores",
        "reliability_means": "On the dashed line scores are true: of answers with score 0.9, about 90% are right."
        " A larger point stands for more texts.",
        "score": "Score",
        "right_share": "Of these right",
        "point": "score {score}: of {n}, {right} right",
        "coverage_curve": "Share dispatched and share right",
        "coverage_curve_means": "Highest scores first: the more texts are dispatched (to the right), the smaller,"
        " as a rule, the share that is right. The dashed line is the precision asked, the square what is"
        " dispatched by the threshold chosen.",
        "dispatched_share": "Share dispatched automatically",
        "curve_point": "{share} dispatched, {right} right (lowest score {score})",
        "asked": "asked {share}",
        "chosen": "threshold chosen: {share} dispatched, {right} right",
        "f1_bars": "F1 by label",
        "f1_bars_means": "The {count} commonest of {all} labels, with texts in brackets."
        " An F1 of 1 means none wrong and none missed.",
        "confusion": "Confusions",
        "confusion_means": "A row is a right label, a numbered column the model's answer, a figure its percentage of"
        " the row. Blue is right, orange is wrong.",
        "confusion_cell": "right: {right}; answer: {given}; {n} texts, {share}",
        "learning_curve": "Learning curve",
        "learning_curve_means": "Results of training on fewer rows; where the lines still rise at the right end,"
        " more labelled rows would help.",
        "training_rows": "Rows trained on (log scale)",
        "epochs_chart": "Course of the training",
        "epochs_chart_means": "Results on the held-out texts after each epoch; the dashed line marks the epoch kept.",
        "epoch": "Epoch",
        "line_point": "{at}: {measure} {value}",
        # Parts of a model.
        "parts": "The whole and its parts",
        "parts_means": "The model joins an encoder and a linear model; the whole should be no worse than either.",
        "part": "Part",
        "whole": "Whole",
        "encoder_only": "Encoder alone",
        "linear_only": "Linear model alone",
        # Tables of a target.
        "labels": "Measures by label ({count})",
        "labels_means": "Precision: share of right answers among those with this label. Recall: share of the label's"
        " texts that were found. F1: their harmonic mean. Held back: a person looks, whatever the score.",
        "label": "Label",
        "code": "Code",
        "given_n": "Answered",
        "held_back": "Held back",
        "no_answer": "(no answer)",
        "precision": "Precision",
        "recall": "Recall",
        "f1": "F1",
        "confusions": "Commonest confusions ({count})",
        "right_label": "Right label",
        "given_label": "Model's answer",
        "errors": "Surest answers that differ from the label ({count})",
        "errors_means": "The model is sure, yet the label differs: look here first for wrong labels."
        " The report holds no text of a complaint, only where the row stands.",
        "row": "Row",
        "data_label": "Label in the data",
        # Data.
        "data": "Data",
        "data_rows": "Rows",
        "left_out": "Rows left out",
        "duplicates": "Exact duplicates",
        "near_duplicates": "Near duplicates",
        "dates": "Dates",
        "dates_span": "{first} to {last}, {undated} rows undated",
        "lengths": "Length of texts (characters)",
        "lengths_span": "5% up to {low}, half up to {median}, 95% up to {high}, longest {longest}",
        "answers_cut": "Clauses that tell the answer cut before training",
        "rare_policy": "Labels with fewer than {floor} rows",
        "policy_keep": "kept",
        "policy_merge": "merged into the label 其他 (other)",
        "policy_drop": "dropped",
        "masked": "Personal data masked",
        "checks": "Checks of the labels",
        "checks_means": "Contradictions: groups of equal texts with different labels."
        " Rare labels: those with fewer than {floor} rows.",
        "label_count": "Labels",
        "unlabelled": "Unlabelled rows",
        "conflicts": "Contradictions",
        "rare": "Rare labels",
        "leaks": "Do texts tell the answer?",
        "leaks_means": "Some texts name their own answer, as in “passed on to the water bureau”. Where accuracy falls"
        " clearly without such clauses, the measures are too good and will not hold at work.",
        "clauses": "Rows with such a clause",
        "turned": "Answers changed without",
        "right_with": "Accuracy with",
        "right_without": "Accuracy without",
        "leaking": "Leaking",
        "counts_chart": "{target}: rows by label",
        "counts_chart_means": "The {count} commonest of {all} labels. Labels with few rows are hard to learn.",
        "counts": "{target}: rows of all labels ({count})",
        "conflict_rows": "{target}: rows whose labels contradict each other ({count})",
        "rare_labels": "{target}: rare labels ({count})",
        # Training.
        "training": "Training",
        "home": "Code of the place",
        "init": "Trained from",
        "seed": "Random seed",
        "taught_rows": "Rows trained on",
        "held_rows": "Rows held out",
        "split": "How they were held out",
        "split_near_duplicates": "at random, near duplicates never on both sides",
        "split_time": "the latest rows by time",
        "split_cross_fitted": "few rows, hence each quarter is judged by a network that learned from the other three;"
        " near duplicates are in one quarter",
        "split_file": "a file of their own",
        "best_epoch": "Epoch kept",
        "best_of": "number {best} of {all}",
        "epochs": "Loss and accuracy by epoch",
        "loss": "Loss",
        "privacy": "This report holds counts, measures and places of rows, never the text of a complaint.",
    },
}


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal."""
    return NONE if share is None else f"{share:.1%}"


def decimal(value: float | None, places: int = 3) -> str:
    """A measure that is no share of texts, such as F1 or a score."""
    return NONE if value is None else f"{value:.{places}f}"


def count(number: int | None) -> str:
    """A count, thousands apart."""
    return NONE if number is None else f"{number:,}"


def chance(p: float) -> str:
    """A p-value; tiny ones are not told apart."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
