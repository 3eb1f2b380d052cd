#import "AURBackoff.h"
#import "AURClientPrivate.h"
#import "AURErrorMaking.h"
#import "AURLogging.h"
#import "AURNotifications.h"
#import "AURReceiptQueue.h"
#import "AURValues.h"

// A refusal that is about the content of the request.
static BOOL isFinal(NSError *error) { return error != nil && !AURErrorIsPassing(error) && !AURErrorIsUnknownRegistration(error); }

@implementation AURClient (Delivery)

- (void)turn {
    if (_stopped) [self refuseWaiters];
    if (!_started || _stopped || _busy || _pause != nil) return;
    _busy = YES;
    if (!_loaded || !_stored) [self prepare];
    else if (_refused != nil) [self refuseWaiters];
    else if (_record.registrationID == nil) [self registerDevice];
    else if (_record.waits) [self deliver:@[ [_record piece] ]];
    else if (_readers.count > 0 || _probing) [self readDevice];
    else [self rest];
}

- (void)rest {
    _busy = NO;
    _failures = 0;
    [_deliveries finishAll:@YES error:nil];
    [_inbox turn];
}

- (void)refuseWaiters {
    _busy = NO;
    NSError *error = [self whyNot];
    [_tickets finishAll:nil error:error];
    [_readers finishAll:nil error:error];
    [_deliveries finishAll:@NO error:nil];
}

/// Ends a task. Success of one with proof shows that the server is well. A registration does not: a server that registers but
/// then does not know its own device would otherwise be asked in a tight circle.
- (void)finish:(NSError *)error proof:(BOOL)proof {
    _busy = NO;
    _request = nil;
    if (_stopped) return;
    if (error == nil) {
        if (proof) {
            _failures = 0;
            [self announceLogin];
        }
        [self turn];
        return;
    }
    NSTimeInterval seconds = _hurried ? 0 : AURPause(++_failures, AURErrorRetryAfter(error));
    _hurried = NO;
    AURLogLine(AURLogLevelInfo, @"next attempt in %.1f s: %@", seconds, error.localizedDescription);
    [_deliveries finishAll:@NO error:nil];
    [_readers finishAll:nil error:error];
    __weak AURClient *weak = self;
    _pause = AURAfter(_env, seconds, ^{ [weak resume]; });
}

- (void)resume {
    [self endPause];
    [self turn];
}

- (void)endPause {
    [_pause cancel];
    _pause = nil;
}

#pragma mark - Tasks

/// Loads the record and makes the identity; it is stored before anything is sent.
- (void)prepare {
    NSError *error = nil;
    BOOL loaded = [self load:&error];
    if (loaded && [_record registration] == nil) [_record makeIdentity];
    _stored = loaded && [self save:&error];
    if (_stored) {
        [self collectFromExtension];
        [self shareIdentity];
        [_tickets settleWithPending:[self unsettled] refused:nil error:nil];
    }
    [self finish:_stored ? nil : [self unstored:error] proof:NO];
}

- (NSError *)unstored:(NSError *)error { return error ?: AURMakeError(AURErrorUnexpected, @"the record cannot be stored"); }

- (void)registerDevice {
    NSMutableDictionary *registration = [[_record registration] mutableCopy];
    [registration addEntriesFromDictionary:[self profile]];
    registration[@"bundle_id"] = _env.bundleID;
    registration[@"platform"] = @"ios";
    _request = [_api send:@"POST" path:@"" of:nil body:registration timeout:AURRequestTimeout answer:^(NSDictionary *answer, NSError *error) {
        [self registered:AURText(answer, AURRegistrationIDKey) error:error ?: AURMakePassingError(@"the server's answer holds no registration id", 0, nil)];
    }];
}

- (void)registered:(NSString *)identifier error:(NSError *)error {
    if (_stopped) return;
    if (identifier.length > 0) {
        error = nil;
        _record.registrationID = identifier;
        [_record confirm:[self profile]];
        self.registrationID = identifier;
        AURLogLine(AURLogLevelInfo, @"registered as %@", identifier);
        [self postRegistration:AURNetworkDidRegisterNotification];
        [self save:&error];
        [self shareIdentity];
        [_tickets settleWithPending:_record.pending refused:nil error:nil];
        [self announceLogin];
    } else if (AURErrorStatus(error) == 403 && AURErrorServerCode(error) == 7004) {
        // Somebody else owns this installation id. A fresh identity is certain to be free; the pause before the next attempt
        // bounds the traffic if the server is confused.
        AURLogLine(AURLogLevelWarning, @"the installation id is taken; making a new one");
        [_record makeIdentity];
        _stored = NO;
    } else if (!AURErrorIsPassing(error)) {
        AURLogLine(AURLogLevelError, @"Aurora refuses the registration: %@", error.localizedDescription);
        _refused = error;
        [self post:AURNetworkFailedRegisterNotification info:@{@"error" : error}];
        error = nil;
    }
    [self finish:error proof:NO];
}

/// Sends pieces of what waits one after the other: changes, or lists of receipts. A piece of which Aurora refuses something is
/// split, so that one value or receipt does not spoil the others.
- (void)deliver:(NSArray *)pieces {
    id piece = pieces.firstObject;
    if (piece == nil) {
        [self finish:nil proof:YES];
        return;
    }
    NSArray *receipts = AURList(piece), *rest = [pieces subarrayWithRange:NSMakeRange(1, pieces.count - 1)];
    NSDictionary *body = receipts != nil ? @{@"receipts" : receipts} : AURChangesBody(piece);
    _request = [_api send:receipts != nil ? @"POST" : @"PATCH" path:receipts != nil ? @"/receipts" : @"" of:_record.identity body:body timeout:AURRequestTimeout answer:^(NSDictionary *answer, NSError *error) {
        [self delivered:piece rest:rest error:error];
    }];
}

static NSArray *halves(NSArray *list) {
    NSUInteger half = list.count / 2;
    return @[ [list subarrayWithRange:NSMakeRange(0, half)], [list subarrayWithRange:NSMakeRange(half, list.count - half)] ];
}

- (void)delivered:(id)piece rest:(NSArray *)rest error:(NSError *)error {
    if (_stopped) return;
    if (error != nil && !isFinal(error)) {
        [self forgetIfUnknown:error];
        return;
    }
    NSArray *receipts = AURList(piece);
    NSArray *parts = receipts == nil ? AURChangesParts(piece) : receipts.count > 1 ? halves(receipts) : nil;
    if (error != nil && parts.count > 1) {
        [self deliver:[parts arrayByAddingObjectsFromArray:rest]];
        return;
    }
    if (error != nil) [self refuse:error];
    if (receipts != nil) [_record settle:receipts];
    else error != nil ? [_record giveUp:piece] : [_record confirm:piece];
    NSError *unsaved = nil;
    BOOL saved = [self save:&unsaved];
    [_tickets settleWithPending:[self unsettled] refused:error != nil ? AURDictionary(piece) : nil error:error];
    saved ? [self deliver:rest] : [self finish:[self unstored:unsaved] proof:NO]; // what cannot be stored is not built upon
}

- (NSDictionary *)unsettled {
    if (_record.registrationID != nil) return _record.pending;
    NSMutableDictionary *all = [_record.pending mutableCopy];
    all[@"registration"] = @YES;
    return all;
}

/// One answer for all who wait now; who comes later may have written in between and waits for the next.
- (void)readDevice {
    AURTickets *waiting = _readers;
    _readers = [self newTickets];
    _probing = NO;
    _request = [_api send:@"GET" path:@"" of:_record.identity body:nil timeout:AURRequestTimeout answer:^(NSDictionary *device, NSError *error) {
        [waiting finishAll:device error:error];
        [self read:error];
    }];
}

- (void)read:(NSError *)error {
    if (_stopped) return;
    if (error == nil || isFinal(error)) [self finish:nil proof:error == nil];
    else [self forgetIfUnknown:error];
}

#pragma mark - Refusals

/// Prepares a new registration if Aurora does not know this one, and pauses.
- (void)forgetIfUnknown:(NSError *)error {
    if (AURErrorIsUnknownRegistration(error)) {
        AURLogLine(AURLogLevelWarning, @"Aurora does not know this registration; registering anew: %@", error.localizedDescription);
        [_record forget];
        self.registrationID = @"";
        _announcedLogin = NO;
        [self save:NULL];
    }
    [self finish:error proof:NO];
}

- (void)refuse:(NSError *)error {
    AURLogLine(AURLogLevelError, @"Aurora refused a value; it is given up: %@", error.localizedDescription);
    [self post:AURServiceErrorNotification info:@{@"error" : error}];
}

- (void)announceLogin {
    if (_announcedLogin || _record.registrationID == nil) return;
    _announcedLogin = YES;
    [self postRegistration:AURNetworkDidLoginNotification];
}

- (void)postRegistration:(NSString *)name { [self post:name info:@{@"RegistrationID" : self.registrationID}]; }

- (void)shareIdentity {
    if (_record.identity != nil) [_env.receiptQueue shareIdentity:_record.identity];
}

@end
