"""Every sentence the interface says, in Arabic and in English: one dict per language, the same keys in both.

Knows nothing of how or where a sentence is shown. `{…}` are `str.format` fields.

    >>> STRINGS["en"]["send"]
    'Ask'
"""

from __future__ import annotations

from rag.schema import Language

ARABIC: dict[str, str] = {
    "name": "بيان",
    "intro": "يجيب «بيان» عن أسئلتك من البيانات الرسمية والصحفية باقتباسات حرفية تُحيلك إلى مصدرها. "
    "لا يختلق شيئاً، وإن لم يجد جواباً قال ذلك. وهل يجيب الاقتباس عن سؤالك؟ ذلك لك أن تحكم فيه.",
    "language_label": "لغة الواجهة",
    "conversation": "المحادثة",
    "you": "سؤالك:",
    "bayan": "جواب بيان:",
    "question_label": "السؤال",
    "question_placeholder": "اكتب سؤالك بالعربية أو بالإنجليزية",
    "send": "اسأل",
    "stop": "أوقف",
    "searching": "يبحث في البيانات…",
    "writing": "يصوغ النموذج اللغوي جواباً من هذه الاقتباسات، ولم يُتحقَّق منه بعد:",
    "stopped": "أوقفتَ الجواب قبل أن يكتمل، فلا تعتمد عليه.",
    "empty_question": "اكتب سؤالاً أولاً، ثم اضغط «اسأل».",
    "examples": "اكتب سؤالك أدناه، أو اختر واحداً من هذه:",
    "example": "ماذا جاء في بيان «{title}»؟",
    "chip": "الاقتباس {number}: أظهره في مصدره",
    "evidence": "الشواهد",
    "evidence_empty": "تظهر هنا نصوص البيانات التي يستند إليها الجواب، والاقتباس مظلَّل في موضعه.",
    "nearest": "أقرب المقاطع، وليست جواباً",
    "nearest_note": "لم يجد بيان جواباً في البيانات. هذه أقرب المقاطع إلى سؤالك، نعرضها للاطلاع فقط.",
    "nearest_link": "انظر أقرب المقاطع",
    "context": "نص البيان حول الاقتباس",
    "cut": "ليس من نص البيان",
    "source": "المصدر",
    "unsupported": "لم يرد في الاقتباسات، فتحقَّق منه:",
    "question_error": "تعذّر البحث بهذا السؤال. اكتب سؤالاً قصيراً واضحاً بالعربية أو بالإنجليزية.",
    "index_error": "تعذّرت قراءة فهرس البيانات، فلا يمكن الجواب الآن. أبلغ من يدير بيان بهذا التفصيل:",
    "model_error": "النموذج اللغوي غير متاح، فلا يمكن الجواب الآن. أبلغ من يدير بيان بهذا التفصيل:",
    "failure": "حدث خطأ فلم يكتمل الجواب. أعد المحاولة، فإن تكرر فأبلغ من يدير بيان.",
}

ENGLISH: dict[str, str] = {
    "name": "Bayan",
    "intro": "Bayan answers your questions from official and press statements, with verbatim quotes that lead to their source. "
    "It never invents, and says so when it finds no answer. Whether a quote answers your question is yours to judge.",
    "language_label": "Interface language",
    "conversation": "Conversation",
    "you": "Your question:",
    "bayan": "Bayan’s answer:",
    "question_label": "Question",
    "question_placeholder": "Ask in Arabic or in English",
    "send": "Ask",
    "stop": "Stop",
    "searching": "Searching the statements…",
    "writing": "The language model is wording an answer from these quotes; it is not checked yet:",
    "stopped": "You stopped this answer before it was complete; do not rely on it.",
    "empty_question": "Write a question first, then press “Ask”.",
    "examples": "Write a question below, or choose one of these:",
    "example": "What does the statement “{title}” say?",
    "chip": "Quote {number}: show it in its source",
    "evidence": "Evidence",
    "evidence_empty": "The statements an answer rests on appear here, with the quote highlighted in its place.",
    "nearest": "Nearest passages, not an answer",
    "nearest_note": "Bayan found no answer in the statements. These passages come closest to your question; they are only offered.",
    "nearest_link": "See the nearest passages",
    "context": "The statement’s text around the quote",
    "cut": "Not part of the statement’s text",
    "source": "Source",
    "unsupported": "Not found in the quotes, so check it yourself:",
    "question_error": "This question cannot be searched. Write a short, clear question in Arabic or in English.",
    "index_error": "The index of statements cannot be read, so no answer is possible now. Tell whoever runs Bayan:",
    "model_error": "The language model is not available, so no answer is possible now. Tell whoever runs Bayan:",
    "failure": "Something went wrong and the answer is not complete. Try again; if it happens again, tell whoever runs Bayan.",
}

STRINGS: dict[Language, dict[str, str]] = {"ar": ARABIC, "en": ENGLISH}

LANGUAGE_NAMES: dict[Language, str] = {"ar": "العربية", "en": "English"}
