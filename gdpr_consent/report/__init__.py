from . import gdpr_subject_evidence_report
