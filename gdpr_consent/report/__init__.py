from . import gdpr_overview_report
from . import gdpr_subject_evidence_report
