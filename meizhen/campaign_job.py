"""The closing report of a campaign as a background job."""

from organisation import Standing
from organisation.job_leases import Entry
from organisation.job_runner import Done, JobKind, Tools, Work
from organisation.jobs import under
from scheduler.campaign_report import REPORT, ReportGiven


class CampaignReport(JobKind):
    """The files of a closing report."""

    name = REPORT

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def run(self, work: Work, person: Standing) -> Done:
        # Imported when a report is made: a publishing node may never need what files are made with.
        from meizhen.campaign_report import write_report

        given = ReportGiven.model_validate(work.job.arguments)
        made = write_report(
            self._tools.database,
            given.campaign,
            work.folder,
            now=self._tools.clock.now(),
            formats=given.formats,
            within=under(work.job.places),
            progress=work.tell,
        )
        files = [path.name for path in made.values()]
        entry = Entry("campaign.report", f"campaign:{given.campaign}", {"files": files})
        return Done({"campaign": given.campaign, "files": files}, [entry])
