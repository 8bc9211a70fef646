"""Why an act is refused: one table of stable codes with their texts in both languages."""

from __future__ import annotations

from dataclasses import dataclass

TEXTS: dict[str, tuple[str, str]] = {
    # About the state of the case.
    "not_in_state": ("案卷当前为“{state_zh}”，不能{act_zh}", "The case is at “{state_en}”; “{act_en}” is not possible from there"),
    "finished": ("案卷已办结，不能再操作", "The case is finished; nothing more can be done to it"),
    "needs_no_verification": ("该来源的案卷无需核实", "A report from this source needs no verification"),
    "already_verified": ("已核实属实，无需再次核实", "An inspector has already found that the problem exists"),
    "not_verified": ("公众举报须先核实属实", "An inspector has to verify this report first"),
    "found_absent": ("核实结果为不存在，应作废", "The inspector found no such problem; void the case"),
    "found_unverifiable": ("上次无法核实，请再发核实或作废", "The last verification gave no answer; send it again or void the case"),
    "no_standard": ("尚未选择立案结案标准", "No filing and closing standard has been chosen"),
    "already_applied": ("已有申请待审批", "An application is waiting for its decision already"),
    "overdue_already": ("已超期，延期须在超期前申请", "The deadline has passed; a delay is applied for before it"),
    "delays_used_up": ("已批准延期两次，不能再延期", "Two delays were approved already; there is no third"),
    "no_delay_pending": ("没有待审批的延期申请", "Nobody has applied for a delay"),
    "suspended_before": ("每个案卷只能挂账一次", "A case is suspended only once"),
    "no_suspension_pending": ("没有待审批的挂账申请", "Nobody has applied for suspension"),
    "no_supervision_open": ("没有待回复的督办", "No supervisor is waiting for an answer"),
    "supervision_unanswered": ("督办尚未回复，不能反馈", "The department has to answer the supervisor first"),
    "never_overdue": ("案卷未超期，无需申诉", "The case was never overdue; there is nothing to appeal"),
    "appealed_before": ("每个案卷只能申诉一次", "A case can be appealed only once"),
    "no_appeal_to_review": ("没有待初审的申诉", "No appeal is waiting for the dispatcher"),
    "no_appeal_to_decide": ("没有待复审的申诉", "No appeal is waiting for the acceptor"),
    "window_over": ("结案已超过期限，不能{act_zh}", "Too long ago since the closing: {act_en}"),
    # About who is asking.
    "wrong_post": ("只有{posts_zh}可以{act_zh}", "Only {posts_en} may do this: {act_en}"),
    "wrong_post_for_source": ("只有{posts_zh}可以登记“{source_zh}”来源", "Only {posts_en} may enter reports from this source: {source_en}"),
    "not_your_department": ("案卷未派遣到您的部门", "The case was not dispatched to your department"),
    "not_your_task": ("该任务由其他责任网格的监督员办理", "This task belongs to an inspector of another beat"),
    "checker_is_handler": ("处理人不得核查自己处理的案卷", "Whoever handled a case may not check it"),
    # About what was handed in.
    "reason_missing": ("请填写理由", "A reason is needed"),
    "photo_missing": ("请附现场照片", "A photo from the place is needed"),
    "result_missing": ("请选择结果", "The result is needed"),
    "note_missing": ("请填写意见", "Words are needed"),
    "until_missing": ("请选择截止日期", "A date is needed"),
    "until_passed": ("截止日期已过", "The date has passed"),
    "until_too_far": ("挂账不得超过一年", "A case is suspended for one year at most"),
    "refusal_without_reason": ("不同意须说明理由", "A refusal needs its reason"),
    "same_department": ("请改派到其他部门", "The case is with this department already"),
    "condition_missing": ("该类别没有默认标准，请选择立案条件", "The class has no default standard; choose a filing condition"),
    "department_missing": ("系统未找到责任部门，请选择部门", "The system found no responsible department; choose one"),
    "department_returned": ("部门已回退，请重新选择部门", "The department returned the case; choose the department anew"),
}


@dataclass(frozen=True)
class Reason:
    """One refusal: its code, and both texts with the case's own words filled in."""

    code: str
    zh: str
    en: str


def reason(code: str, **values: str) -> Reason:
    """The reason of this code; a code that is not in the table is a programming error and raises KeyError."""
    zh, en = TEXTS[code]
    return Reason(code, zh.format(**values), en.format(**values))
