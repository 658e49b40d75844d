from . import gdpr_overview_report
from . import gdpr_subject_evidence_report
from . import gdpr_answer_report
